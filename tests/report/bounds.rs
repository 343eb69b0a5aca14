//! Reports stay usable however much there is to say.

use mcptrust::finding::{Direction, Severity, Subject};
use mcptrust::json::Json;
use mcptrust::report::human;

use crate::case::{self, Place, finding};
use crate::screen::{PLAIN, shown};

fn many(count: usize) -> mcptrust::report::Diff {
    let mut report = case::diff();
    report.findings = (0..count)
        .map(|number| {
            let severity = Severity::ALL[number % 4];
            let mut finding = finding(
                ["description-changed", "tool-added", "bounds-narrowed"][number % 3],
                severity,
                Direction::Changed,
                Place("many", Subject::Tool, None, "/description"),
                (Some(Json::from("before")), Some(Json::from("after"))),
                "Something changed.",
            );
            finding.server = Some(format!("server-{}", number % 300));
            finding.name = Some(format!("tool-{number}"));
            finding
        })
        .collect();
    report.findings.push(finding(
        "hidden-text",
        Severity::Critical,
        Direction::Added,
        Place("zz-last", Subject::Tool, Some("the_needle"), "/description"),
        (None, Some(Json::from("\u{200b}"))),
        "Hidden text appeared.",
    ));
    report
}

#[test]
fn ten_thousand_findings_are_bounded_and_the_worst_comes_first() {
    let report = many(10_000);
    let text = shown(|out| human::diff(out, &report, human::DEFAULT_LIMIT, &PLAIN));
    let lines = text.lines().count();
    assert!(lines < 400, "{lines} lines");
    assert!(
        text.starts_with("Drift: 10,001 changes in 301 of 301 servers; the worst is critical, in zz-last.")
    );
    let needle = text.lines().position(|line| line == "tool the_needle").unwrap();
    assert!(needle < 40, "the critical change is on line {needle}:\n{text}");
    assert!(text.contains("9,961 more changes not shown: "), "{text}");
    assert!(
        text.contains("9,961 changes are not shown here: read them with --verbose or --format json"),
        "{text}"
    );
    assert!(text.contains("289 more servers: "), "{text}");
}

#[test]
fn every_finding_is_shown_where_asked_for() {
    let report = many(99);
    let text = shown(|out| human::diff(out, &report, usize::MAX, &PLAIN));
    assert_eq!(text.lines().filter(|line| line.starts_with("tool ")).count(), 100);
    assert!(!text.contains("not shown"));
}

#[test]
fn huge_values_are_bounded() {
    let words: String = (0..400_000).map(|number| format!("word{number} ")).collect();
    let edited = words.replacen("word200000 ", "EVIL ", 1);
    let nested = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let wide: String = (0..50_000).map(|number| format!("\"k{number}\":{number},")).collect();
    let wide = case::json(&format!("{{{wide}\"description\":\"first\"}}"));
    let mut report = case::diff();
    for (at, (before, after)) in [
        (Some(Json::from(words.clone())), Some(Json::from(edited))),
        (Some(Json::from(words.clone())), Some(Json::from("short"))),
        (None, Some(Json::from(words))),
        (Some(case::json(&nested)), Some(wide.clone())),
        (None, Some(wide)),
    ]
    .into_iter()
    .enumerate()
    {
        (report.findings[at].before, report.findings[at].after) = (before, after);
    }
    let text = shown(|out| human::diff(out, &report, human::DEFAULT_LIMIT, &PLAIN));
    let lines = text.lines().count();
    assert!(lines < 300, "{lines} lines");
    assert!(text.lines().all(|line| line.chars().count() <= 110));
    assert!(text.contains("[-word200000-]{+EVIL+}"), "the change itself is shown:\n{text}");
    assert!(text.contains("unchanged characters"), "{text}");
    assert!(text.contains("more fields, not shown here"), "{text}");
    assert!(text.contains("Some values are cut above: read them whole"), "{text}");
}

#[test]
fn blanks_do_not_push_text_out_of_view() {
    let mut report = case::diff();
    let text = format!("Reads.{}Then deletes.{}End.", " ".repeat(5_000), "\n".repeat(5_000));
    report.findings.truncate(1);
    report.findings[0].before = None;
    report.findings[0].after = Some(Json::from(text));
    let text = shown(|out| human::diff(out, &report, 10, &PLAIN));
    assert!(text.contains("now │ Reads.\\u{20*5000}Then deletes.\\u{a*5000}\n"), "{text}");
    assert!(text.contains("│ End.\n"), "{text}");
}

#[test]
fn many_servers_without_findings_stay_on_one_line() {
    let mut report = case::diff();
    report.findings.clear();
    report.servers = (0..2_000).map(|number| (format!("server-{number}"), 10)).collect();
    let text = shown(|out| human::diff(out, &report, 10, &PLAIN));
    assert!(text.starts_with("No drift: 2,000 servers with 20,000 definitions"), "{text}");
    assert!(text.lines().count() < 10);
}

#[test]
fn texts_with_little_in_common_stand_one_after_the_other() {
    let mut report = case::diff();
    report.findings.truncate(1);
    let mut shown_as = |before: Json, after: Json| {
        (report.findings[0].before, report.findings[0].after) = (Some(before), Some(after));
        shown(|out| human::diff(out, &report, 10, &PLAIN))
    };
    let old = Json::from("Reads a file from the disk and returns what it holds.");
    let appended = format!("{} {}", old.as_str().unwrap(), "Then sends it away. ".repeat(20));
    assert!(shown_as(old.clone(), Json::from(appended)).contains("│ Reads a file from the disk and"));
    let other =
        shown_as(old.clone(), Json::from("Deletes everything, and says nothing at all about it to anybody."));
    assert!(
        other.contains("was │ \"Reads a file") && other.contains("now │ \"Deletes everything"),
        "{other}"
    );
    let digest = case::json(&format!("{{\"sha256\":\"{}\"}}", "ab".repeat(32)));
    let tool = case::json(
        "{\"description\":\"Reads a file.\",\"inputSchema\":{\"type\":\"object\"},\"name\":\"read_file\"}",
    );
    let tree = shown_as(digest, tool);
    assert!(tree.contains("was │ {\"sha256\": ") && tree.contains("now │ "), "{tree}");
    assert!(!tree.contains("{+"), "{tree}");
}

#[test]
fn a_text_with_very_many_changes_is_bounded_and_counts_what_is_left() {
    let mut report = case::diff();
    report.findings.truncate(1);
    let text = |word: &str| {
        (0..10).map(|_| format!("{word} {}", "same words again ".repeat(30))).collect::<String>()
    };
    report.findings[0].before = Some(Json::from(text("old")));
    report.findings[0].after = Some(Json::from(text("new")));
    let bounded = shown(|out| human::diff(out, &report, 10, &PLAIN));
    assert!(bounded.lines().count() < 60, "{bounded}");
    assert!(bounded.contains(" more characters, not shown here"), "{bounded}");
    let full = shown(|out| human::diff(out, &report, usize::MAX, &PLAIN));
    assert_eq!(full.matches("[-old-]{+new+}").count(), 10);
    assert!(!full.contains("not shown") && !full.contains("cut above"), "{full}");
}
