//! No process is left behind, however a capture ends.

use std::time::Duration;

use super::support::{Fixture, alive, assert_gone};
use mcptrust::capture::capture;

#[tokio::test]
async fn none_after_success() {
    let run = Fixture::hostile(&["grandchildren"]).run().await;
    assert_eq!(run.outcome.unwrap().surface.tools.len(), 1);
    assert_eq!(run.started, 3);
}

#[tokio::test]
async fn none_of_a_server_that_stays_after_goodbye() {
    let run = Fixture::hostile(&["deaf"]).run().await;
    assert_eq!(run.outcome.unwrap().surface.tools.len(), 1);
    assert_eq!(run.started, 1);
}

#[tokio::test]
async fn none_after_an_error() {
    let run =
        Fixture::surface(r#"{"tools": [{"name": "a"}, {"name": "a"}]}"#, &["grandchildren"]).run().await;
    assert!(run.outcome.unwrap_err().message().contains("twice"));
    assert_eq!(run.started, 3);
}

#[tokio::test]
async fn none_after_a_time_out() {
    let fixture =
        Fixture::hostile(&["grandchildren-hang"]).limits(|l| l.startup_timeout = Duration::from_secs(2));
    let run = fixture.run().await;
    assert!(run.outcome.unwrap_err().message().contains("did not answer initialize within 2 s"));
    assert_eq!(run.started, 6);
}

#[tokio::test]
async fn none_after_the_capture_is_dropped() {
    for words in [["grandchildren-hang"], ["hang"]] {
        let fixture = Fixture::hostile(&words);
        let mut pids = Vec::new();
        let expected = if words == ["hang"] { 1 } else { 3 };
        {
            let ignore = |_: mcptrust::capture::Progress<'_>| {};
            let capture = capture(&fixture.launch, &fixture.limits, None, &ignore);
            tokio::pin!(capture);
            while pids.len() < expected {
                tokio::select! {
                    _ = &mut capture => panic!("the fixture answered"),
                    () = tokio::time::sleep(Duration::from_millis(10)) => pids = fixture.pids(),
                }
            }
            assert!(pids.iter().all(|pid| alive(*pid)));
        }
        assert_gone(&pids).await;
    }
}

#[tokio::test]
async fn a_server_is_asked_to_end_before_it_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let goodbye = dir.path().join("goodbye");
    // Says that the trap is set with an answer that nobody asked for, which ends the capture.
    let script = format!(
        "trap 'echo bye > {}; exit 0' TERM; echo '{}'; while :; do sleep 0.05; done",
        goodbye.display(),
        r#"{"jsonrpc":"2.0","id":99,"result":{}}"#
    );
    let mut fixture = Fixture::hostile(&["well"]);
    fixture.launch.command = "sh".to_owned();
    fixture.launch.args = vec!["-c".to_owned(), script];
    assert!(fixture.message().await.contains("the id 99, which was never sent"));
    assert_eq!(std::fs::read_to_string(goodbye).unwrap(), "bye\n");
}
