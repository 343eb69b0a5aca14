use std::fs;
use std::process::Command;

use crate::support::{Project, finish};

#[cfg(unix)]
fn mode(project: &Project, name: &str) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(project.file(name)).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_pair_is_made_once() {
    let project = Project::new();
    project.run(["keygen"]).code(0).says("mcptrust.key").says("never commit it");
    #[cfg(unix)]
    assert_eq!((mode(&project, "mcptrust.key"), mode(&project, "mcptrust.pub") & 0o600), (0o600, 0o600));
    let key = project.read("mcptrust.key");
    project.run(["keygen"]).code(2).says("mcptrust.key exists and is never overwritten");
    fs::remove_file(project.file("mcptrust.key")).unwrap();
    project.run(["keygen"]).code(2).says("mcptrust.pub exists and is never overwritten");
    assert!(!project.file("mcptrust.key").exists());
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn git_must_not_pick_up_the_private_key() {
    let project = Project::new();
    let git = |args: &[&str]| {
        assert!(Command::new("git").args(args).current_dir(project.path()).status().unwrap().success());
    };
    git(&["init", "--quiet"]);
    project.run(["keygen"]).code(2).says("is in a git repository and not ignored").says("--gitignore");
    assert!(!project.file("mcptrust.key").exists() && !project.file("mcptrust.pub").exists());
    project.write(".gitignore", "*.log");
    project.run(["keygen", "--gitignore"]).code(0).says("Added mcptrust.key to");
    assert_eq!(project.read(".gitignore"), "*.log\n/mcptrust.key\n");
    git(&["check-ignore", "--quiet", "mcptrust.key"]);
}

#[test]
fn signing_takes_a_file_standard_input_or_a_variable() {
    let project = Project::signed();
    let key = project.read("mcptrust.key");
    let mut command = project.command();
    command.args(["sign", "--key", "env:SIGNING_KEY", "--name", "env"]).env("SIGNING_KEY", &key);
    finish(&mut command).code(0);
    project
        .run(["sign", "--key", "env:SIGNING_KEY"])
        .code(2)
        .says("the environment variable SIGNING_KEY is not set");
    let mut command = project.command();
    command
        .args(["sign", "--key", "-", "--name", "stdin"])
        .stdin(fs::File::open(project.file("mcptrust.key")).unwrap());
    finish(&mut command).code(0);
    for name in ["env", "stdin"] {
        let bundle = format!("mcp-lock.json.{name}.sigstore.json");
        project.run(["verify", "--key", "mcptrust.pub", "--bundle", &bundle]).code(0);
    }
}

#[test]
fn a_passphrase_protects_the_key() {
    let project = Project::new();
    project.lock().code(0);
    let with = |passphrase: Option<&str>, args: &[&str]| {
        let mut command = project.command();
        if let Some(passphrase) = passphrase {
            command.env("MCPTRUST_PASSPHRASE", passphrase);
        }
        finish(command.args(args))
    };
    with(Some("correct horse"), &["keygen"]).code(0);
    assert!(project.read("mcptrust.key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let sign = ["sign", "--key", "mcptrust.key"];
    with(None, &sign)
        .code(2)
        .says("mcptrust.key is encrypted and nobody can be asked: set MCPTRUST_PASSPHRASE");
    with(Some("battery staple"), &sign).code(2).says("the passphrase does not open this private key");
    with(Some("correct horse"), &sign).code(0);
    project.run(["verify", "--key", "mcptrust.pub"]).code(0);
}

#[test]
fn wrong_keys_are_named() {
    let project = Project::signed();
    project.run(["sign", "--key", "none.key"]).code(2).says("none.key does not exist: make a key pair");
    project
        .run(["sign", "--key", "mcptrust.pub"])
        .code(2)
        .says("this is a public key, and signing needs the private");
    project
        .run(["verify", "--key", "mcptrust.key"])
        .code(2)
        .says("this is a private key, and verifying needs the public");
    project.run(["verify", "--key", "none.pub"]).code(2).says("cannot read none.pub");
    project.write("junk", "not a key");
    project.run(["verify", "--key", "junk"]).code(2).says("no PEM block found");
    project.run(["sign", "--key", "junk"]).code(2).says("no PEM block found");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let project = Project::signed();
    fs::set_permissions(project.file("mcptrust.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = project.run(["sign", "--key", "mcptrust.key"]).code(0);
    ran.says("warning: mcptrust.key can be read by others (mode 0644): run \"chmod 600 mcptrust.key\"");
}
