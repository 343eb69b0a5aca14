//! One test for each way to misbehave, with the whole message.

use std::time::Duration;

use super::support::{Fixture, summary, text};

/// What every test here does: run the mode, compare the message.
macro_rules! refused {
    ($($(#[$doc:meta])* $name:ident: [$($word:expr),*] => $message:expr;)*) => {
        $(
            $(#[$doc])*
            #[tokio::test]
            async fn $name() {
                assert_eq!(Fixture::hostile(&[$($word),*]).message().await, $message);
            }
        )*
    };
}

refused! {
    an_exit_at_once_is_named: ["exit"] =>
        "the server exited with status 3 before it answered initialize";
    an_exit_in_the_middle_of_a_line_is_named: ["exit-in-list"] =>
        "the server exited with status 4 in the middle of a line, before it answered tools/list";
    an_id_that_was_never_sent_is_fatal: ["wrong-id"] =>
        "the server answered a request with the id 4711, which was never sent; the last one sent has the id 3";
    an_id_of_another_type_is_another_id: ["string-id"] =>
        "the server answered a request with the id \\\"1\\\", which was never sent; the last one sent has the id 1";
    a_second_reply_is_fatal: ["second-reply"] =>
        "the server answered the request with the id 3 a second time";
    a_reply_after_the_last_answer_is_fatal: ["late-reply"] =>
        "the server answered the request with the id 2 a second time";
    an_error_without_an_id_is_fatal: ["null-id-error"] =>
        "the server answered tools/list with an error that names no request: \"Parse \\u{1b} error\" (code -32700)";
    a_message_that_is_not_json_is_fatal: ["bad-json"] =>
        "the server sent a message that is not valid JSON: expected ident at line 1 column 45";
    a_duplicate_key_in_the_envelope_is_fatal: ["duplicate-key-envelope"] =>
        "the server sent a message with the key \"result\" twice";
    a_message_that_is_not_json_rpc_is_fatal: ["not-json-rpc"] =>
        "the server sent a message that is not JSON-RPC 2.0: it has none of \"method\", \"result\" and \"error\"";
    a_duplicate_key_in_a_definition_is_fatal: ["duplicate-key"] =>
        "the result of tools/list is not acceptable JSON: line 1, column 90: duplicate key \"k\": two readers could disagree about its value";
    a_lone_surrogate_is_fatal: ["lone-surrogate"] =>
        "the result of tools/list is not acceptable JSON: line 1, column 84: lone surrogate \\ud800: it stands for no character";
    nesting_has_a_limit: ["deep", "126"] =>
        "the result of tools/list is not acceptable JSON: line 1, column 207: nested deeper than 127 levels";
    a_list_that_fails_is_an_error: ["list-fails", "tools/list"] =>
        "the server answered tools/list with an error: \"database \\u{1b}[31mlocked\" (code -32603)";
    a_declared_list_that_does_not_exist_is_an_error: ["method-not-found", "tools/list"] =>
        "the server declares the capability tools, and answers tools/list with \"method not found\" (code -32601)";
    a_list_that_keeps_changing_is_an_error: ["unsettled"] =>
        "tools/list kept changing while it was read (4 attempts); lock the server when it has settled";
    a_repeated_cursor_is_an_error: ["repeated-cursor"] =>
        "tools/list repeats the cursor \"a\\u{202e}b\", so the list never ends";
    a_cursor_that_is_no_string_is_an_error: ["cursor", "7"] =>
        "the result of tools/list has number at /nextCursor, expected a string";
    a_result_without_its_list_is_an_error: ["result", r#"{"tool":[]}"#] =>
        "the result of tools/list has nothing at /tools, expected an array";
    a_list_of_another_type_is_an_error: ["result", r#"{"tools":{}}"#] =>
        "the result of tools/list has object at /tools, expected an array";
    a_result_of_another_type_is_an_error: ["result", "[]"] =>
        "the result of tools/list has array at \"\", expected an object";
    an_unfinished_result_is_an_error: ["result", r#"{"tools":[],"resultType":"input_required"}"#] =>
        "the result of tools/list has the result type \"input_required\", expected \"complete\"";
    duplicate_names_are_refused: ["duplicate-names"] =>
        "tools/list declares \"a\" twice; which one a client uses is undefined";
    control_characters_in_a_name_are_refused: ["control-name"] =>
        "entry 1 of tools/list has the name \"evil\\u{1b}[2K\\u{202e}\": the name holds the control character U+001B";
    a_name_that_is_not_nfc_is_refused: ["nfd-name"] =>
        "entry 1 of tools/list has the name \"cafe\u{301}\": the name is not in Unicode normalisation form C (NFC)";
    an_empty_name_is_refused: ["empty-name"] =>
        "entry 1 of tools/list has the name \"\": the name is empty";
    a_definition_without_a_name_is_refused: ["no-name"] =>
        "entry 2 of tools/list has nothing at /name, expected a string";
    a_name_of_another_type_is_refused: ["number-name"] =>
        "entry 1 of tools/list has number at /name, expected a string";
    a_definition_that_is_no_object_is_refused: ["not-an-object"] =>
        "entry 1 of tools/list is string, expected an object";
}

#[tokio::test]
async fn an_unknown_command_is_named() {
    let mut fixture = Fixture::hostile(&["well"]);
    fixture.launch.command = "mcptrust-no-such-command".to_owned();
    assert_eq!(
        fixture.error().await,
        "server \"fixture\": the command \"mcptrust-no-such-command\" was not found; \
         install it, check its spelling, or give its full path"
    );
}

#[tokio::test]
async fn a_command_that_cannot_be_executed_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("server");
    std::fs::write(&path, "no program").unwrap();
    let mut fixture = Fixture::hostile(&["well"]);
    fixture.launch.command = path.display().to_string();
    assert_eq!(
        fixture.message().await,
        format!("the command \"{}\" cannot be started: Permission denied (os error 13)", path.display())
    );
}

#[tokio::test]
async fn a_missing_working_directory_is_named() {
    let mut fixture = Fixture::hostile(&["well"]);
    fixture.launch.cwd = Some("/no/such/directory".into());
    assert_eq!(fixture.message().await, "the working directory \"/no/such/directory\" is not a directory");
}

#[tokio::test]
async fn the_end_of_standard_error_is_part_of_the_message() {
    assert_eq!(
        Fixture::hostile(&["exit"]).error().await,
        "server \"fixture\": the server exited with status 3 before it answered initialize\n  \
         it wrote to standard error at the end:\n    starting\n    \
         no configuration found: \\u{1b}[31mgiving up\\u{1b}[0m"
    );
}

#[tokio::test]
async fn the_value_of_a_variable_is_not_repeated_in_a_message() {
    let fixture = Fixture::hostile(&["leak-and-exit", "API_TOKEN"]).env("API_TOKEN", "s3cr3t-t0ken");
    assert_eq!(
        fixture.error().await,
        "server \"fixture\": the server exited with status 3 before it answered initialize\n  \
         it wrote to standard error at the end:\n    the token [value of API_TOKEN] is not valid"
    );
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let fixture = Fixture::hostile(&["hang"]).limits(|l| l.startup_timeout = Duration::from_secs(2));
    let run = fixture.run().await;
    assert_eq!(
        run.outcome.unwrap_err().message(),
        "the server did not answer initialize within 2 s; if it needs longer to start, for example to download \
         itself, raise --startup-timeout"
    );
    assert_eq!(run.started, 2);
}

#[tokio::test]
async fn a_list_that_never_comes_times_out() {
    let fixture = Fixture::hostile(&["hang-on-list"]).impatient();
    assert_eq!(
        fixture.message().await,
        "the server did not answer tools/list within 250 ms; if it needs longer, raise --request-timeout"
    );
}

#[tokio::test]
async fn lines_that_are_no_messages_are_named_in_a_time_out() {
    let script = "echo 'Listening...'; echo 'Ready.'; exec sleep 60";
    let mut fixture = Fixture::hostile(&["well"]).prefer("2025-11-25");
    fixture.limits.startup_timeout = Duration::from_secs(3);
    fixture.launch.command = "sh".to_owned();
    fixture.launch.args = vec!["-c".to_owned(), script.to_owned()];
    let message = fixture.message().await;
    assert!(
        message.ends_with(
            "raise --startup-timeout (2 lines on its standard output were no messages, the first: \"Listening...\")"
        ),
        "{message}"
    );
}

#[tokio::test]
async fn a_closed_standard_output_is_named() {
    let mut fixture = Fixture::hostile(&["well"]);
    fixture.launch.command = "sh".to_owned();
    fixture.launch.args = vec!["-c".to_owned(), "exec 1>&-; exec sleep 60".to_owned()];
    assert_eq!(
        fixture.message().await,
        "the server closed its standard output before it answered initialize"
    );
}

#[tokio::test]
async fn a_signal_is_named() {
    let mut fixture = Fixture::hostile(&["well"]);
    fixture.launch.command = "sh".to_owned();
    fixture.launch.args = vec!["-c".to_owned(), "kill -9 $$".to_owned()];
    assert_eq!(fixture.message().await, "the server was ended by signal 9 before it answered initialize");
}

#[tokio::test]
async fn noise_without_end_is_an_error() {
    let fixture = Fixture::hostile(&["noise-flood"]).limits(|limits| limits.max_noise_lines = 100);
    assert_eq!(
        fixture.message().await,
        "the server wrote too much to standard output that is no message (101 lines on its standard output were no \
         messages, the first: \"still not speaking the protocol\"); a server must write its log to standard error"
    );
}

#[tokio::test]
async fn noise_is_bounded_in_bytes_too() {
    let fixture = Fixture::hostile(&["noise-flood"]).limits(|limits| limits.max_noise_bytes = 1_000);
    assert!(fixture.message().await.contains("(33 lines on its standard output were no messages"));
}

#[tokio::test]
async fn a_line_without_end_is_an_error() {
    let fixture = Fixture::hostile(&["endless-line"]).limits(|limits| limits.max_message_bytes = 100_000);
    assert_eq!(
        fixture.message().await,
        "the server sent a line longer than 100000 bytes; if it is meant to, raise --max-message-bytes"
    );
}

#[tokio::test]
async fn a_message_at_its_limit_is_read_and_one_byte_more_is_not() {
    let line = r#"{"jsonrpc":"2.0","id":3,"result":{"tools":[{"name":"a","description":"A tool.","inputSchema":{"type":"object"},"x":""}]}}"#;
    let limit = 10_000 + line.len();
    let at = Fixture::hostile(&["huge-line", "10000"]).limits(|limits| limits.max_message_bytes = limit);
    assert_eq!(at.captured().await.surface.tools.len(), 1);
    let over = Fixture::hostile(&["huge-line", "10001"]).limits(|limits| limits.max_message_bytes = limit);
    assert_eq!(
        over.message().await,
        format!(
            "the server sent a line longer than {limit} bytes; if it is meant to, raise --max-message-bytes"
        )
    );
}

#[tokio::test]
async fn everything_together_has_a_limit() {
    let fixture = Fixture::hostile(&["many", "1000", "100"]).limits(|l| l.max_total_bytes = 20_000);
    assert_eq!(
        fixture.message().await,
        "the server sent more than 20000 bytes in all; if it is meant to, raise --max-total-bytes"
    );
}

#[tokio::test]
async fn endless_pages_are_an_error() {
    let fixture = Fixture::hostile(&["endless-pages"]).limits(|limits| limits.max_pages = 10);
    assert_eq!(
        fixture.message().await,
        "tools/list has more than 10 pages; if it is meant to, raise --max-pages"
    );
}

#[tokio::test]
async fn the_last_page_allowed_is_read_and_one_more_is_not() {
    let fixture = Fixture::hostile(&["many", "20", "4"]).limits(|limits| limits.max_pages = 3);
    assert_eq!(
        fixture.message().await,
        "tools/list has more than 3 pages; if it is meant to, raise --max-pages"
    );
    let fixture = Fixture::hostile(&["many", "20", "4"]).limits(|limits| limits.max_pages = 4);
    assert_eq!(fixture.captured().await.surface.tools.len(), 20);
}

#[tokio::test]
async fn definitions_have_a_limit() {
    let fixture = Fixture::hostile(&["many", "20", "4"]).limits(|limits| limits.max_definitions = 19);
    assert_eq!(
        fixture.message().await,
        "the server declares more than 19 definitions; if it is meant to, raise --max-definitions"
    );
    let fixture =
        Fixture::hostile(&["many", "20", "4"]).limits(|l| (l.max_definitions, l.max_pages) = (20, 4));
    assert_eq!(fixture.captured().await.surface.tools.len(), 20);
}

#[tokio::test]
async fn a_value_that_is_echoed_is_a_finding_without_the_value() {
    let fixture = Fixture::hostile(&["echo-env", "API_TOKEN"]).env("API_TOKEN", "s3cr3t-t0ken");
    let captured = fixture.captured().await;
    assert_eq!(
        summary(&captured.findings),
        [
            "capture-secret-echoed critical instructions - ",
            "capture-secret-echoed critical tool leak /x/0/deep~1er",
            "capture-secret-echoed critical tool named [value of API_TOKEN] /name",
        ]
    );
    assert_eq!(
        captured.findings[1].message,
        "The value of the environment variable \"API_TOKEN\" shows up in the tool \"leak\" at /x/0/deep~1er. \
         Anyone who reads the lockfile would read it."
    );
    assert_eq!(text(captured.findings[1].after.as_ref()), r#"{"variable":"API_TOKEN"}"#);
    assert!(!format!("{:?}", captured.findings).contains("s3cr3t"));
}

#[tokio::test]
async fn a_value_that_was_put_into_an_argument_is_a_secret_too() {
    let mut fixture = Fixture::hostile(&["echo-env", "API_TOKEN"]).env("API_TOKEN", "s3cr3t-t0ken");
    // The server has the value from its environment here; what counts is that the caller names it as expanded.
    let env = std::mem::take(&mut fixture.launch.env);
    fixture.launch.base_env.push(("XDG_TOKEN".into(), env[0].1.clone()));
    fixture.launch.args =
        fixture.launch.args.iter().map(|arg| arg.replace("API_TOKEN", "XDG_TOKEN")).collect();
    fixture.launch.expanded = env;
    let captured = fixture.captured().await;
    assert_eq!(captured.findings.len(), 3);
    assert!(!format!("{:?}", captured.findings).contains("s3cr3t"));
}

#[tokio::test]
async fn a_short_value_is_no_secret() {
    let captured = Fixture::hostile(&["echo-env", "MODE"]).env("MODE", "verbose").captured().await;
    assert_eq!(summary(&captured.findings), [""; 0]);
}
