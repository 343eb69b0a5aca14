//! Arguments that look like secrets: a lockfile is committed, so they must not stand in it.

use std::sync::LazyLock;

use regex::Regex;

/// An argument that looks like a secret. The value itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("argument {position} looks like {what}: a lockfile is committed, so secrets must not stand in it")]
pub struct SecretArgument {
    /// Its place among the arguments, from 1.
    pub position: usize,
    /// What it looks like.
    pub what: &'static str,
}

/// Formats that issuers made to be recognised.
const KNOWN: &[(&str, &str)] = &[
    (r"\bgh[pousr]_[A-Za-z0-9]{30,}", "a GitHub token"),
    (r"\bgithub_pat_[A-Za-z0-9_]{30,}", "a GitHub token"),
    (r"\bglpat-[A-Za-z0-9_-]{20,}", "a GitLab token"),
    (r"\bsk-[A-Za-z0-9_-]{20,}", "an API key"),
    (r"\b[rs]k_(live|test)_[A-Za-z0-9]{16,}", "an API key"),
    (r"\bxox[abeprs]-[A-Za-z0-9-]{10,}", "a Slack token"),
    (r"\b(AKIA|ASIA)[A-Z0-9]{16}\b", "an AWS access key"),
    (r"\bAIza[A-Za-z0-9_-]{35}", "a Google API key"),
    (r"\bnpm_[A-Za-z0-9]{36}", "an npm token"),
    (r"\bpypi-[A-Za-z0-9_-]{30,}", "a PyPI token"),
    (r"\bhf_[A-Za-z0-9]{30,}", "a Hugging Face token"),
    (r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.", "a JSON Web Token"),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY-----", "a private key"),
    (r"(?i)[a-z][a-z0-9+.-]*://[^/@\s:]+:[^/@\s]+@", "an address with a password"),
    (r"(?i)(^|[\s:=])(bearer|basic)\s+\S{8,}", "an authorization header"),
    (
        r"(?i)^([a-z0-9]+[-_])*(token|secret|password|passwd|passphrase|api[-_]?key|access[-_]?key|private[-_]?key)\s*[=:]\s*[^\s./~][^\s]{3,}",
        "the value of a secret variable",
    ),
    (
        r"(?i)[?&]([a-z0-9]+[-_])*(token|secret|password|api[-_]?key|access[-_]?key|sig|signature)=[^&\s]{4,}",
        "an address with a secret",
    ),
];

/// Options whose value is a secret.
const OPTION: &str = r"(?i)^--?([a-z0-9]+[-_])*(token|secret|password|passwd|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)(=(.*))?$";

static PATTERNS: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    KNOWN.iter().filter_map(|(pattern, what)| Regex::new(pattern).ok().map(|regex| (regex, *what))).collect()
});
static VARIABLE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\{[A-Za-z_][A-Za-z0-9_]*(?::-([^}]*))?\}").ok());
static SECRET_OPTION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(OPTION).ok());

/// Finds the first argument that looks like a secret. `${NAME}` is none: the name alone is recorded.
pub fn secret_argument(args: &[String]) -> Option<SecretArgument> {
    // What a variable is replaced by is not recorded, its default is.
    let args: Vec<String> = args.iter().map(|arg| without_variables(arg)).collect();
    let mut value_is_secret = false;
    for (i, arg) in args.iter().enumerate() {
        let found = |what| Some(SecretArgument { position: i + 1, what });
        if let Some((_, what)) = PATTERNS.iter().find(|(regex, _)| regex.is_match(arg)) {
            return found(what);
        }
        let is_path = |text: &str| text.starts_with(['.', '/', '~']) || text.contains(":\\");
        if value_is_secret && !arg.starts_with('-') && !is_path(arg) && arg.len() >= 4 {
            return found("the value of a secret option");
        }
        value_is_secret = false;
        if let Some(captures) = SECRET_OPTION.as_ref().and_then(|regex| regex.captures(arg)) {
            match captures.get(4) {
                None => value_is_secret = true,
                Some(value) if is_path(value.as_str()) => {}
                Some(value) if value.len() >= 4 => return found("the value of a secret option"),
                Some(_) => {}
            }
        }
    }
    None
}

/// The text with each `${NAME}` taken out, and each `${NAME:-default}` replaced by its default.
fn without_variables(text: &str) -> String {
    let Some(variable) = VARIABLE.as_ref() else { return text.to_owned() };
    variable.replace_all(text, "$1").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(args: &[&str]) -> Option<String> {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        secret_argument(&args).map(|found| found.to_string())
    }

    #[test]
    fn every_pattern_compiles() {
        assert_eq!(PATTERNS.len(), KNOWN.len());
        assert!(SECRET_OPTION.is_some() && VARIABLE.is_some());
    }

    #[test]
    fn secrets_are_recognised_and_not_repeated() {
        let cases: &[(&[&str], usize, &str)] = &[
            (&["-y", "server", "--api-key", "abcdef123"], 4, "the value of a secret option"),
            (&["--github-token=abcdef"], 1, "the value of a secret option"),
            (&["ghp_0123456789abcdefghijklmnopqrstuvwxyz"], 1, "a GitHub token"),
            (&["postgres://user:hunter22@db.example.com/x"], 1, "an address with a password"),
            (&["x", "Bearer abcdefghij"], 2, "an authorization header"),
            (&["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"], 1, "a JSON Web Token"),
            (&["AKIAIOSFODNN7EXAMPLE"], 1, "an AWS access key"),
            (&["run", "-e", "API_KEY=abcdef"], 3, "the value of a secret variable"),
            (&["--header", "X-Api-Key: abcdef"], 2, "the value of a secret variable"),
            (&["https://example.com/mcp?api_key=abcdef"], 1, "an address with a secret"),
            (&["https://user:hunter22@${HOST}/x"], 1, "an address with a password"),
            (&["--token", "${T:-ghp_0123456789abcdefghijklmnopqrstuvwxyz}"], 2, "a GitHub token"),
            (&["--header=Authorization: Bearer abcdefgh"], 1, "an authorization header"),
        ];
        for (args, position, what) in cases {
            let expected = format!(
                "argument {position} looks like {what}: a lockfile is committed, so secrets must not stand in it"
            );
            assert_eq!(check(args), Some(expected));
        }
    }

    #[test]
    fn ordinary_arguments_are_not_secrets() {
        for args in [
            &["-y", "@modelcontextprotocol/server-filesystem@2026.8.31", "."] as &[&str],
            &["--token", "${API_TOKEN}"],
            &["--token=${API_TOKEN}"],
            &["--private-key", "./keys/id.pem"],
            &["--private-key=/run/secrets/key"],
            &["--token", "--verbose"],
            &["postgres://db.example.com:5432/x", "--max-tokens", "4096", "--tokenizer=gpt"],
            &["--password-file", "secrets.txt"],
            &["-e", "API_KEY=${API_KEY}", "-e", "API_KEY", "-e", "TOKEN_FILE=/run/secrets/x"],
            &["https://${USER}:${PASSWORD}@example.com/?q=tokens&page=2"],
            &["--header", "Authorization: Bearer ${TOKEN}"],
        ] {
            assert_eq!(check(args), None, "{args:?}");
        }
    }
}
