//! How a server is reached, as the lockfile records it.

use std::collections::BTreeMap;

use crate::json::{Digest, Json, Object, Value, digest_with_prefix};

/// How a server is reached. Values of environment variables are never recorded, names only.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A program that speaks over its standard input and output.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments, in order.
        args: Vec<String>,
        /// Names of variables that it gets from the caller's environment; sorted.
        env: Vec<String>,
        /// Variables that it gets under another name: its name to the caller's name.
        env_from: BTreeMap<String, String>,
        /// The directory it starts in, relative to the lockfile's.
        cwd: Option<String>,
    },
}

impl Source {
    /// The entry as it stands in the file.
    pub fn to_json(&self) -> Json {
        let Source::Stdio { command, args, env, env_from, cwd } = self;
        let strings = |list: &[String]| Value::Array(list.iter().cloned().map(Value::from).collect());
        let mut out = Object::new();
        out.insert("transport", "stdio");
        out.insert("command", command.clone());
        out.insert("args", strings(args));
        if !env.is_empty() {
            out.insert("env", strings(env));
        }
        if !env_from.is_empty() {
            let members: Object<'static> = env_from.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            out.insert("envFrom", members);
        }
        if let Some(cwd) = cwd {
            out.insert("cwd", cwd.clone());
        }
        Value::Object(out)
    }

    /// The digest that a signature binds.
    pub fn digest(&self) -> Digest {
        digest_with_prefix("mcptrust/source/v1\n", &self.to_json())
    }
}
