use crate::support::{Project, finish, fixture};

#[test]
fn bad_lockfiles_are_named_by_every_command_that_reads_one() {
    let project = Project::signed();
    let good = project.read("mcp-lock.json");
    let cases: [(&str, String); 6] = [
        ("the lockfile is empty", String::new()),
        ("strict JSON: line", good[..good.len() / 2].to_owned()),
        (
            "lockfile version 5 is not supported",
            good.replace("\"lockfileVersion\": 4", "\"lockfileVersion\": 5"),
        ),
        ("holds hashes only", "{\"version\": \"3.0\", \"tools\": {}}".to_owned()),
        (
            "duplicate key",
            good.replace("\"lockfileVersion\": 4", "\"lockfileVersion\": 4, \"lockfileVersion\": 4"),
        ),
        ("unknown member", good.replace("\"lockfileVersion\": 4", "\"lockfileVersion\": 4, \"x\": 4")),
    ];
    for (expected, text) in cases {
        project.write("mcp-lock.json", text);
        project.run(["diff"]).code(2).says("mcp-lock.json").says(expected);
        project.run(["lock"]).code(2).says(expected);
        project.run(["inspect"]).code(2).says(expected);
        project.run(["sign", "--key", "mcptrust.key"]).code(2).says(expected);
        // A trusted signature says that the file was changed: a finding, which names the problem too.
        project.run(["verify", "--key", "mcptrust.pub"]).code(1).says(expected);
    }
    std::fs::remove_file(project.file("mcp-lock.json")).unwrap();
    project.run(["diff"]).code(2).says("cannot read mcp-lock.json");
    project.run(["verify", "--key", "mcptrust.pub"]).code(2).says("cannot read mcp-lock.json");
}

#[test]
fn usage_errors_are_undecided() {
    let project = Project::new();
    project.run(["frobnicate"]).code(2);
    project.run(["lock", "--name", "x"]).code(2);
    project.run(["lock", "--env", "X"]).code(2);
    project.run(["lock", "--startup-timeout", "0"]).code(2).says("expected more than 0");
    project.run(["verify", "--max-age", "soon"]).code(2).says("such as \"30d\"");
    project.run(["accept", "--changes", "abc"]).code(2).says("sha256:");
    project.run(["inspect", "x.json", "--lockfile", "y.json"]).code(2).says("both name what to show");
    project.run(["--help"]).code(0).says("Exit codes: 0 all well");
    project.run(["--version"]).code(0).says("mcptrust");
}

#[test]
fn misbehaving_servers_are_undecided_and_named() {
    let project = Project::new();
    let program = fixture("fixture_hostile");
    let lock = |args: &[&str]| {
        let mut command = project.command();
        command.args(["lock", "--request-timeout", "1", "--startup-timeout", "5", "--name", "bad", "--"]);
        command.arg(&program).args(args);
        finish(&mut command).code(2).says("server \"bad\"")
    };
    lock(&["exit"]);
    lock(&["duplicate-names"]).says("\"a\"");
    let ran = lock(&["control-name"]);
    assert!(!ran.err.contains('\u{1b}'), "{}", ran.err);
    assert!(ran.err.contains("\\u{1b}[2K") && !ran.err.contains("\\u{5c}"), "{}", ran.err);
    assert!(!project.file("mcp-lock.json").exists());
    let mut command = project.command();
    finish(command.args(["lock", "--name", "bad", "--", "acme-no-such-program"]))
        .code(2)
        .says("acme-no-such-program");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_servers_and_writes_nothing() {
    use std::io::Read as _;
    let project = Project::new();
    let pids = project.file("pids");
    let mut command = project.command();
    command.args(["lock", "--name", "slow", "--"]).arg(fixture("fixture_hostile"));
    command.args(["hang", "--pids"]).arg(&pids).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let started = || std::fs::read_to_string(&pids).unwrap_or_default();
    while started().trim().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("interrupted: the servers were ended"), "{said}");
    for pid in started().split_whitespace() {
        let pid = rustix::process::Pid::from_raw(pid.parse().unwrap()).unwrap();
        let mut alive = true;
        for _ in 0..250 {
            alive = rustix::process::test_kill_process(pid).is_ok();
            if !alive {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert!(!alive, "process {pid:?} is left");
    }
    assert!(!project.file("mcp-lock.json").exists());
}
