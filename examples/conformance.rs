//! The client protocol of <https://github.com/sigstore/sigstore-conformance> over this library.
//!
//! ```text
//! conformance sign-bundle [--staging] --in-toto --identity-token TOKEN --bundle FILE
//!             [--trusted-root FILE] [--signing-config FILE] STATEMENT
//! conformance verify-bundle [--staging] --bundle FILE (--key FILE | --certificate-identity ID
//!             --certificate-oidc-issuer URL) [--trusted-root FILE] FILE_OR_DIGEST
//! ```
//!
//! Exit status: 0 verified or signed, 1 refused, 2 could not be decided.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Write as _, stderr};
use std::process::ExitCode;

use jiff::Timestamp;
use mcptrust::json::{Digest, Limits, Value, parse};
use mcptrust::signing::bundle::{Bundle, Content};
use mcptrust::signing::certificate::SigningCertificate;
use mcptrust::signing::keyless;
use mcptrust::signing::keys::PublicKey;
use mcptrust::signing::rules::{IdentityRule, Matcher};
use mcptrust::signing::trust::{Source, TrustMaterial};
use mcptrust::signing::verify::{Subject, by_certificate, with_key};
use mcptrust::signing::{bundle::Material, dsse};

/// What is told on standard error, with the exit status.
type Failure = (u8, String);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let done = Options::read(arguments).and_then(|options| match command.as_str() {
        "verify-bundle" => verify(&options),
        "sign-bundle" => sign(&options),
        other => Err((2, format!("unknown command {other:?}; expected sign-bundle or verify-bundle"))),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((status, message)) => {
            let _ = writeln!(stderr(), "{message}");
            ExitCode::from(status)
        }
    }
}

/// Flags with their values, and the last argument.
struct Options {
    switches: Vec<String>,
    values: BTreeMap<String, String>,
    subject: String,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut options = Self { switches: Vec::new(), values: BTreeMap::new(), subject: String::new() };
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--staging" | "--in-toto" => options.switches.push(argument),
                "--bundle"
                | "--key"
                | "--certificate-identity"
                | "--certificate-oidc-issuer"
                | "--trusted-root"
                | "--signing-config"
                | "--identity-token" => {
                    let value = arguments.next().ok_or((2, format!("{argument} has no value")))?;
                    options.values.insert(argument, value);
                }
                _ if argument.starts_with("--") => return Err((2, format!("unknown flag {argument}"))),
                _ => options.subject = argument,
            }
        }
        Ok(options)
    }

    fn has(&self, switch: &str) -> bool {
        self.switches.iter().any(|given| given == switch)
    }

    fn value(&self, flag: &str) -> Result<&str, Failure> {
        self.values.get(flag).map(String::as_str).ok_or_else(|| (2, format!("{flag} is missing")))
    }

    fn file(&self, flag: &str) -> Result<Vec<u8>, Failure> {
        read(self.value(flag)?)
    }

    fn trusted_root(&self) -> Result<Vec<u8>, Failure> {
        match self.values.get("--trusted-root") {
            Some(path) => read(path),
            None if self.has("--staging") => Ok(sigstore_trust_root::SIGSTORE_STAGING_TRUSTED_ROOT.into()),
            None => Ok(sigstore_trust_root::SIGSTORE_PRODUCTION_TRUSTED_ROOT.into()),
        }
    }
}

fn read(path: &str) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| (2, format!("{path}: {error}")))
}

fn verify(options: &Options) -> Result<(), Failure> {
    let undecided = |error: &dyn std::fmt::Display| (2, error.to_string());
    let refused = |error: &dyn std::fmt::Display| (1, error.to_string());
    let root = options.trusted_root()?;
    let trust = TrustMaterial::from_json(&root, Source::File("--trusted-root".to_owned()), None)
        .map_err(|error| undecided(&error))?;
    let bundle = Bundle::parse(&options.file("--bundle")?).map_err(|error| refused(&error))?;
    let digest = options.subject.strip_prefix("sha256:").and_then(|hex| hex.parse::<Digest>().ok());
    let bytes = match digest {
        Some(_) if fs::exists(&options.subject).unwrap_or(false) => Some(read(&options.subject)?),
        Some(_) => None,
        None => Some(read(&options.subject)?),
    };
    let subject = match (&bytes, digest) {
        (None, Some(digest)) => Subject::Sha256(digest),
        (bytes, _) => Subject::Bytes(bytes.as_deref().unwrap_or_default()),
    };
    let now = Timestamp::now();
    if options.values.contains_key("--key") {
        let key = PublicKey::from_pem(&options.file("--key")?).map_err(|error| undecided(&error))?;
        let authentic =
            with_key(&bundle, &key, subject, Some(&trust), now).map_err(|error| refused(&error))?;
        if let Some(problem) = authentic.unverified.first() {
            return Err((1, problem.to_string()));
        }
        if authentic.logs.is_empty() {
            return Err((1, "there is no transparency log entry".to_owned()));
        }
        return if is_about(&bundle, subject) {
            Ok(())
        } else {
            Err((1, "the subject is another".to_owned()))
        };
    }
    by_certificate(&bundle, subject, &trust, now).map_err(|error| refused(&error))?;
    let Material::Certificate { leaf, .. } = &bundle.material else {
        return Err((1, "the bundle carries no certificate".to_owned()));
    };
    let certificate = SigningCertificate::from_der(leaf).map_err(|error| refused(&error))?;
    let exact = |flag| options.value(flag).map(|text| Matcher::Exact(text.to_owned()));
    let rule = IdentityRule::new(
        exact("--certificate-oidc-issuer")?,
        Some(exact("--certificate-identity")?),
        BTreeMap::new(),
    )
    .map_err(|error| undecided(&error))?;
    match rule.mismatches(&certificate).first() {
        None => Ok(()),
        Some(mismatch) => {
            Err((1, format!("{}: expected {}, got {:?}", mismatch.field, mismatch.expected, mismatch.got)))
        }
    }
}

/// Whether an in-toto statement names the file; `by_certificate` asks this by itself.
fn is_about(bundle: &Bundle, subject: Subject<'_>) -> bool {
    let Content::Envelope(envelope) = &bundle.content else { return true };
    let digest = subject.digest().to_string();
    let named = |statement: &Value<'_>| {
        let subjects = statement.get("subject").and_then(Value::as_array).unwrap_or_default();
        subjects
            .iter()
            .any(|subject| subject.pointer("/digest/sha256").and_then(Value::as_str) == Some(digest.as_str()))
    };
    envelope.payload_type == dsse::IN_TOTO
        && parse(&envelope.payload, &Limits::default()).is_ok_and(|statement| named(&statement))
}

fn sign(options: &Options) -> Result<(), Failure> {
    let undecided = |error: &dyn std::fmt::Display| (2, error.to_string());
    if !options.has("--in-toto") {
        return Err((
            2,
            "only statements are signed here: give --in-toto and an in-toto statement".to_owned(),
        ));
    }
    let now = Timestamp::now();
    let statement = read(&options.subject)?;
    let identity =
        keyless::Identity::parse(options.value("--identity-token")?).map_err(|error| undecided(&error))?;
    let config = match options.values.get("--signing-config") {
        Some(path) => String::from_utf8(read(path)?).map_err(|error| undecided(&error))?,
        None if options.has("--staging") => keyless::STAGING.to_owned(),
        None => keyless::PUBLIC_GOOD.to_owned(),
    };
    let services = keyless::Services::from_json(&config, now, true).map_err(|error| undecided(&error))?;
    let source = Source::File("--trusted-root".to_owned());
    let trust = TrustMaterial::from_json(&options.trusted_root()?, source, None)
        .map_err(|error| undecided(&error))?;
    let signing = keyless::SignOptions {
        now,
        network: keyless::NetworkOptions::default(),
        gate: &|_| Ok(()),
        confirm: &|_| true,
        check: &|_, _| Ok(()),
        progress: &|_| {},
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| undecided(&error))?;
    let signed = runtime
        .block_on(keyless::sign_statement(&statement, &identity, &services, &trust, &signing))
        .map_err(|error| undecided(&error))?;
    let path = options.value("--bundle")?;
    fs::write(path, signed.bundle).map_err(|error| (2, format!("{path}: {error}")))
}
