//! The commands that the documentation shows.

use std::fs;
use std::path::Path;

/// Every `console` block is run, and gives what the page says. `TRYCMD=overwrite` writes the pages anew.
#[test]
fn the_command_reference_shows_what_the_commands_say() {
    trycmd::TestCases::new().case("docs/commands.md");
}

/// Every command line of the pages is one that the command takes.
#[test]
fn pages_show_no_command_that_is_not_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages: Vec<_> =
        fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    pages.push(root.join("README.md"));
    let help = crate::support::Project::new().run(["--help"]).code(0).out;
    let known: Vec<&str> =
        help.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    for page in pages.iter().filter(|page| page.extension().is_some_and(|e| e == "md")) {
        let text = fs::read_to_string(page).unwrap();
        let mut code = false;
        for line in text.lines() {
            if line.trim_start().starts_with("```") {
                code = !code;
                continue;
            }
            let line = line.trim_start_matches([' ', '$', '>']);
            let shown =
                line.strip_prefix("mcptrust ").or_else(|| line.strip_prefix("cargo run --release -- "));
            let Some(rest) = shown.filter(|_| code) else { continue };
            let words: Vec<_> = rest.split_whitespace().collect();
            let Some(command) = words.iter().find(|word| !word.starts_with('-')) else { continue };
            let is_word = command.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            assert!(!is_word || known.contains(command), "{}: {line}", page.display());
        }
    }
}
