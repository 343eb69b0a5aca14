//! Keyless signing and verifying, against the private Sigstore in this process.

use std::fs;
use std::process::Stdio;

use mcptrust::local_sigstore::{Fault, FaultKind, IssuerKind, Options, Running, Service, start};
use tokio::runtime::Runtime;

use crate::support::{Project, Ran, finish};

const WORKFLOW: &str = "https://github.com/acme/widgets/.github/workflows/release.yml@refs/heads/main";

struct Private {
    runtime: Runtime,
    running: Running,
    project: Project,
    _dir: tempfile::TempDir,
}

impl Private {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let running = runtime.block_on(start(Options::new(dir.path().join("sigstore")))).unwrap();
        let project = Project::new();
        project.lock().code(0);
        Private { runtime, running, project, _dir: dir }
    }

    fn instance(&self) -> [String; 4] {
        let path = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
        let (root, config) = (path(self.running.trusted_root()), path(self.running.signing_config()));
        ["--trusted-root".to_owned(), root, "--signing-config".to_owned(), config]
    }

    /// Signs as a GitHub Actions job would.
    fn sign(&self, more: &[&str]) -> Ran {
        let mut command = self.project.command();
        command.arg("sign").args(self.instance()).args(more).envs(self.running.environment());
        finish(&mut command)
    }

    /// Signs with a token on standard input.
    fn sign_with(&self, token: &str) -> Ran {
        let file = self.project.file("token");
        fs::write(&file, token).unwrap();
        let mut command = self.project.command();
        command.arg("sign").args(self.instance()).args(["--identity-token", "-"]);
        finish(command.stdin(Stdio::from(fs::File::open(file).unwrap())))
    }

    fn verify(&self, more: &[&str]) -> Ran {
        let root = self.running.trusted_root();
        self.project.run(["verify", "--trusted-root", root.to_str().unwrap()].iter().chain(more))
    }

    fn issuer(&self) -> &str {
        &self.running.urls().github_issuer
    }

    fn fault(&self, service: Service, kind: FaultKind) {
        self.runtime.block_on(self.running.set_fault(service, Some(Fault::always(kind)))).unwrap();
    }

    fn bundle_exists(&self) -> bool {
        self.project.file("mcp-lock.json.sigstore.json").exists()
    }
}

#[test]
fn a_job_signs_with_its_identity_and_a_verifier_pins_it() {
    let private = Private::new();
    private.sign(&[]).code(0).says("as number 1 by https://github.com/acme/widgets").says("Recorded: entry");
    let issuer = private.issuer();
    let exact = ["--certificate-identity", WORKFLOW, "--certificate-oidc-issuer", issuer];
    private.verify(&exact).code(0).says("Verified").says(WORKFLOW);
    let wrong =
        ["--certificate-identity", "https://github.com/acme/other", "--certificate-oidc-issuer", issuer];
    private.verify(&wrong).code(1).says("expected https://github.com/acme/other").says(WORKFLOW);
    let elsewhere = ["--certificate-identity", WORKFLOW, "--certificate-oidc-issuer", "https://example.com"];
    private.verify(&elsewhere).code(1).says("issuer").says("expected https://example.com");
    let pattern = [
        "--certificate-identity-regexp",
        "^https://github.com/acme/.*$",
        "--certificate-oidc-issuer",
        issuer,
    ];
    private.verify(&pattern).code(0);
    let loose =
        ["--certificate-identity-regexp", "https://github.com/acme/.*", "--certificate-oidc-issuer", issuer];
    private.verify(&loose).code(2).says("is not anchored");
    let claim = |claim: &str| private.verify(&[&exact as &[_], &["--certificate-claim", claim]].concat());
    claim("build-trigger=push").code(0);
    claim("source-repository-identifier=123456").code(0);
    claim("build-trigger=pull_request")
        .code(1)
        .says("build-trigger")
        .says("expected pull_request")
        .says("push");
    claim("no-such-claim=x").code(2).says("no-such-claim");
    private.verify(&[&exact as &[_], &["--max-age", "1h"]].concat()).code(0);
    // The public instance did not issue this certificate.
    private.project.run(["verify"].iter().chain(&exact)).code(1);
    private.sign(&[]).code(0).says("as number 2");
}

#[test]
fn rules_in_the_file_take_identities_and_keys_side_by_side() {
    let private = Private::new();
    private.project.run(["keygen"]).code(0);
    let rules = format!(
        "[trust]\nthreshold = 2\n[[trust.signer]]\nname = \"workflow\"\nissuer = \"{}\"\nidentity = \"{WORKFLOW}\"\n\
         claims = {{ build-trigger = \"push\" }}\n[[trust.signer]]\nname = \"lead\"\nkey = \"mcptrust.pub\"\n",
        private.issuer()
    );
    private.project.write("mcptrust.toml", rules);
    private.sign(&[]).code(0);
    private.verify(&[]).code(1).says("1 of 2 required");
    private.project.run(["sign", "--key", "mcptrust.key", "--name", "lead"]).code(0);
    private.verify(&[]).code(0).says("2 of 2 required");
}

#[test]
fn a_wrong_identity_stops_before_anything_is_public() {
    let private = Private::new();
    private
        .sign(&["--expect-identity", "someone@example.com"])
        .code(1)
        .says("someone@example.com")
        .says("Nothing became public");
    let rule =
        "[trust]\n[[trust.signer]]\nname = \"us\"\nissuer = \"https://example.com\"\nidentity = \"x\"\n";
    private.project.write("mcptrust.toml", rule);
    private.sign(&[]).code(1).says("us").says("https://example.com");
    private.project.run(["keygen"]).code(0);
    private
        .project
        .write("mcptrust.toml", "[trust]\n[[trust.signer]]\nname = \"us\"\nkey = \"mcptrust.pub\"\n");
    private.sign(&[]).code(1).says("the trust rules name no identity");
    assert_eq!(private.running.requests(Service::Fulcio), 0);
    assert!(!private.bundle_exists());
}

#[test]
fn tokens_are_checked_before_they_are_sent() {
    let private = Private::new();
    let mint = |parameters: &[(&str, &str)]| private.running.mint(IssuerKind::Email, parameters).unwrap();
    private.sign_with(&mint(&[("email", "dev@example.com"), ("ttl", "-100")])).code(2).says("expired");
    private.sign_with(&mint(&[("email", "dev@example.com"), ("aud", "elsewhere")])).code(2).says("elsewhere");
    private.sign_with("nonsense").code(2);
    assert_eq!(private.running.requests(Service::Fulcio), 0);
    private.sign_with(&mint(&[("email", "dev@example.com")])).code(0).says("by dev@example.com");
    let issuer = private.running.urls().email_issuer.clone();
    private
        .verify(&["--certificate-identity", "dev@example.com", "--certificate-oidc-issuer", &issuer])
        .code(0);
}

#[test]
fn a_missing_permission_is_named() {
    let private = Private::new();
    let mut command = private.project.command();
    command.arg("sign").args(private.instance()).env("GITHUB_ACTIONS", "true");
    finish(&mut command).code(2).says("id-token: write");
    let mut command = private.project.command();
    finish(command.arg("sign").args(private.instance())).code(2).says("no identity token");
}

#[test]
fn a_failing_service_is_named_and_nothing_is_written() {
    let private = Private::new();
    for (service, kind, name) in [
        (Service::Fulcio, FaultKind::Status(403), "certificate authority"),
        (Service::Timestamp, FaultKind::Status(400), "timestamp authority"),
        (Service::Rekor, FaultKind::BadCheckpoint, "transparency log"),
    ] {
        private.fault(service, kind);
        private.sign(&["--timeout", "20"]).code(2).says(name);
        assert!(!private.bundle_exists());
        private.runtime.block_on(private.running.set_fault(service, None)).unwrap();
    }
    private.sign(&[]).code(0);
}

#[test]
fn an_older_signature_is_refused_where_a_newer_one_was_seen() {
    let project = Project::signed();
    let verify = ["verify", "--key", "mcptrust.pub", "--state", "state.json"];
    project.run(verify).code(0);
    let (lockfile, bundle) = (project.read("mcp-lock.json"), project.read("mcp-lock.json.sigstore.json"));
    project.run(["sign", "--key", "mcptrust.key"]).code(0);
    project.run(verify).code(0);
    project.write("mcp-lock.json.sigstore.json", &bundle);
    let codes = |project: &Project| project.run(verify.iter().chain(&["--format", "json"])).code(1).codes();
    assert_eq!(codes(&project), ["sequence-rolled-back"]);
    project
        .run(["diff", "--key", "mcptrust.pub", "--state", "state.json"])
        .code(1)
        .says("No server was started");
    project.run(["verify", "--key", "mcptrust.pub"]).code(0);
    // Another lockfile under the number that was seen.
    project.write("mcp-lock.json", lockfile.replace("Reads a file.", "Reads it."));
    project.run(["sign", "--key", "mcptrust.key"]).code(0).says("as number 2");
    assert_eq!(codes(&project), ["sequence-reused"]);
    // A newer one, and then the first again by another signer.
    project.run(["sign", "--key", "mcptrust.key"]).code(0).says("as number 3");
    project.run(verify).code(0);
    project.run(["keygen", "--output", "other"]).code(0);
    project.write("mcp-lock.json", &lockfile);
    project.run(["sign", "--key", "other.key", "--sequence", "9"]).code(0);
    let other = ["verify", "--key", "other.pub", "--state", "state.json", "--format", "json"];
    assert_eq!(project.run(other).code(1).codes(), ["sequence-rolled-back"]);
    project.write("state.json", "{}");
    project.run(other).code(2).says("state.json is no state file");
}

#[test]
fn one_signer_may_have_several_bundles() {
    let project = Project::signed();
    project.run(["sign", "--key", "mcptrust.key"]).code(0).says("as number 2");
    for name in ["a", "z"] {
        project.run(["sign", "--key", "mcptrust.key", "--name", name]).code(0).says("as number 1");
    }
    for _ in 0..2 {
        project.run(["verify", "--key", "mcptrust.pub", "--state", "state.json"]).code(0);
    }
}

#[test]
fn a_bundle_by_somebody_else_does_not_choose_the_number() {
    let project = Project::signed();
    project.run(["keygen", "--output", "mallory"]).code(0);
    project.run(["sign", "--key", "mallory.key", "--sequence", "18446744073709551614"]).code(0);
    project.run(["sign", "--key", "mcptrust.key"]).code(2).says("nobody who may sign here made it");
    project.run(["sign", "--key", "mcptrust.key", "--sequence", "2"]).code(0).says("as number 2");
    project.run(["sign", "--key", "mcptrust.key"]).code(0).says("as number 3");
}

#[test]
fn the_statement_can_be_signed_elsewhere() {
    let project = Project::new();
    project.lock().code(0);
    let statement: serde_json::Value =
        serde_json::from_str(&project.run(["sign", "--print-statement"]).code(0).out).unwrap();
    assert_eq!(statement["predicateType"], "https://mcptrust.dev/lockfile/v1");
    assert!(!project.file("mcp-lock.json.sigstore.json").exists());
}

#[test]
fn the_trust_root_is_explained() {
    let private = Private::new();
    let run = |args: &[&str]| {
        let mut command = private.project.command();
        finish(command.env("MCPTRUST_CACHE", private.project.path()).arg("trust-root").args(args))
    };
    run(&["show"]).code(0).says("embedded public-good root").says("days old");
    run(&["show", "--staging"]).code(0).says("embedded staging root");
    let root = private.running.trusted_root();
    let shown = run(&["show", "--format", "json", "--trusted-root", root.to_str().unwrap()]).code(0).json();
    assert_eq!(shown["trustRoot"]["authorities"].as_array().unwrap().len(), 4);
    run(&["show", "--tuf-url", "https://tuf.example.com"]).code(2).says("give its first root with --root");
}

#[test]
fn the_demo_tells_the_whole_story() {
    let project = Project::new();
    let ran = project.run(["demo"]).code(0);
    assert_eq!(ran.out.matches("(exit code 1)").count(), 3, "{}", ran.out);
    project.run(["demo", "--dir", "."]).code(2).says("is not empty");
}
