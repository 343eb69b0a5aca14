//! Which era and which version are agreed, and on which process.

use std::time::Duration;

use super::support::{Fixture, text};
use mcptrust::capture::Era;

/// Era, version, processes.
async fn agreed(fixture: &Fixture) -> (Era, String, usize) {
    let run = fixture.run().await;
    let captured = run.outcome.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(captured.surface.tools.len(), 1);
    (captured.era, captured.surface.protocol_version.into_owned(), run.started)
}

fn legacy(version: &str, processes: usize) -> (Era, String, usize) {
    (Era::Legacy, version.to_owned(), processes)
}

fn modern(processes: usize) -> (Era, String, usize) {
    (Era::Modern, "2026-07-28".to_owned(), processes)
}

#[tokio::test]
async fn an_unknown_method_means_the_legacy_era() {
    assert_eq!(agreed(&Fixture::hostile(&["well"])).await, legacy("2025-11-25", 1));
}

#[tokio::test]
async fn a_result_means_the_modern_era() {
    let captured = Fixture::hostile(&["well", "--modern"]).captured().await;
    assert_eq!(captured.era, Era::Modern);
    assert_eq!(captured.surface.protocol_version, "2026-07-28");
    assert_eq!(text(captured.surface.server_info.as_ref()), r#"{"name":"fixture","version":"1.0.0"}"#);
    // What the server supports is declared too, and the specification's list of what is left out does not name it.
    assert_eq!(
        text(captured.surface.other.get("server/discover")),
        r#"{"supportedVersions":["2026-07-28"]}"#
    );
    assert_eq!(captured.surface.other.len(), 1);
}

#[tokio::test]
async fn a_server_that_exits_on_the_probe_gets_a_fresh_start() {
    assert_eq!(agreed(&Fixture::hostile(&["exit-on-probe"])).await, legacy("2025-11-25", 2));
}

#[tokio::test]
async fn a_server_that_exits_after_the_probe_gets_a_fresh_start() {
    assert_eq!(agreed(&Fixture::hostile(&["exit-after-probe"])).await, legacy("2025-11-25", 2));
}

#[tokio::test]
async fn a_server_that_ignores_the_probe_gets_a_fresh_start() {
    let fixture = Fixture::hostile(&["ignore-probe"]).limits(|l| l.startup_timeout = Duration::from_secs(4));
    assert_eq!(agreed(&fixture).await, legacy("2025-11-25", 2));
}

#[tokio::test]
async fn an_error_without_an_id_to_the_probe_gets_a_fresh_start() {
    assert_eq!(agreed(&Fixture::hostile(&["null-id-on-probe"])).await, legacy("2025-11-25", 2));
}

#[tokio::test]
async fn a_server_upset_by_the_probe_gets_a_fresh_start() {
    assert_eq!(agreed(&Fixture::hostile(&["well", "--upset"])).await, legacy("2025-11-25", 2));
}

#[tokio::test]
async fn an_empty_result_is_no_discovery() {
    assert_eq!(agreed(&Fixture::hostile(&["empty-result-on-probe"])).await, legacy("2025-11-25", 1));
}

#[tokio::test]
async fn every_legacy_version_is_accepted() {
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        assert_eq!(agreed(&Fixture::hostile(&["version", version])).await, legacy(version, 1));
    }
}

#[tokio::test]
async fn a_version_that_nobody_knows_is_refused() {
    for (version, quoted) in
        [("2024-10-07", "\"2024-10-07\""), ("2026-07-28", "\"2026-07-28\""), ("\u{1b}", "\"\\u{1b}\"")]
    {
        assert_eq!(
            Fixture::hostile(&["version", version]).message().await,
            format!(
                "the server offers the protocol versions {quoted}; this client speaks 2024-11-05 to 2025-11-25 and \
                 2026-07-28"
            )
        );
    }
}

#[tokio::test]
async fn a_preferred_legacy_version_is_asked_for_without_a_probe() {
    for version in ["2024-11-05", "2025-06-18"] {
        let fixture = Fixture::hostile(&["exit-on-probe"]).prefer(version);
        assert_eq!(agreed(&fixture).await, legacy(version, 1));
    }
}

#[tokio::test]
async fn a_preferred_version_is_a_wish() {
    let fixture = Fixture::hostile(&["version", "2025-03-26"]).prefer("2025-06-18");
    assert_eq!(agreed(&fixture).await, legacy("2025-03-26", 1));
    assert_eq!(agreed(&Fixture::hostile(&["well"]).prefer("2026-07-28")).await, legacy("2025-11-25", 1));
    assert_eq!(agreed(&Fixture::hostile(&["well"]).prefer("2099-01-01")).await, legacy("2025-11-25", 1));
}

#[tokio::test]
async fn a_server_that_left_the_legacy_era_is_probed() {
    assert_eq!(agreed(&Fixture::hostile(&["well", "--modern"]).prefer("2025-11-25")).await, modern(2));
}

#[tokio::test]
async fn a_refused_preference_is_the_error_when_nothing_else_works() {
    let fixture = Fixture::hostile(&["list-fails", "initialize"]).prefer("2025-11-25");
    assert_eq!(
        fixture.message().await,
        "the server answered initialize with an error: \"database \\u{1b}[31mlocked\" (code -32603)"
    );
}

#[tokio::test]
async fn an_error_that_names_versions_leads_to_one_of_them() {
    let fixture = Fixture::hostile(&["modern-unsupported", r#"["2024-11-05","2025-06-18"]"#]);
    assert_eq!(agreed(&fixture).await, legacy("2025-06-18", 1));
    let fixture = Fixture::hostile(&["modern-unsupported", r#"["2024-11-05"]"#, "--upset"]);
    assert_eq!(agreed(&fixture).await, legacy("2024-11-05", 2));
}

#[tokio::test]
async fn versions_that_nobody_knows_are_named() {
    let expected = "the server offers the protocol versions \"2027-01-01\", \"2028-01-01\"; this client speaks \
                    2024-11-05 to 2025-11-25 and 2026-07-28";
    let versions = r#"["2027-01-01","2028-01-01"]"#;
    assert_eq!(Fixture::hostile(&["modern-unsupported", versions]).message().await, expected);
    assert_eq!(Fixture::hostile(&["modern-versions", versions]).message().await, expected);
}

#[tokio::test]
async fn a_server_that_contradicts_itself_is_refused() {
    assert_eq!(
        Fixture::hostile(&["modern-unsupported", r#"["2026-07-28"]"#]).message().await,
        "the server offers the protocol versions \"2026-07-28\"; this client speaks 2024-11-05 to 2025-11-25 and \
         2026-07-28"
    );
}

#[tokio::test]
async fn there_is_no_way_back_from_a_modern_error() {
    let run = Fixture::hostile(&["modern-refusal"]).run().await;
    assert_eq!(
        run.outcome.unwrap_err().message(),
        "the server answered server/discover with an error: \"sampling is required\" (code -32021)"
    );
    assert_eq!(run.started, 1);
}

#[tokio::test]
async fn versions_have_to_be_a_list_of_strings() {
    for (versions, got) in [("7", "number"), ("[7]", "number")] {
        assert_eq!(
            Fixture::hostile(&["modern-versions", versions]).message().await,
            format!(
                "the result of server/discover has {got} at /supportedVersions, expected an array of strings"
            )
        );
    }
}
