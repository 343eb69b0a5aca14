//! Reports for a person at a terminal: the answer first, then what matters most, then what to do.

mod evidence;
mod findings;
mod tree;
mod verify;

use std::io;

use super::paint::{Ink, Sheet, Text};
use super::{Diff, Lock, Outcome, Style, Volatile, Written, escape};
use crate::finding::Finding;
use findings::Tally;

pub use verify::verify;
pub(super) use verify::{fact, signer, statement};

/// How many findings are shown in full where nobody asks for more.
pub const DEFAULT_LIMIT: usize = 40;

/// Writes the result of a comparison, at most `limit` findings in full. With `usize::MAX`, nothing is left out or cut.
pub fn diff(out: &mut impl io::Write, report: &Diff, limit: usize, style: &Style) -> io::Result<()> {
    let mut sheet = Sheet::new(out, style).full(limit == usize::MAX);
    let servers = report.servers.len();
    let compared = |text: &str| escape::terminal_in(text, style.charset()).into_owned();
    if report.findings.is_empty() {
        let definitions: usize = report.servers.values().sum();
        let text = Text::default().own("No drift", Ink::Good).own(
            &format!(
                ": {} with {} in {}, the same in {}.",
                count(servers, "server"),
                count(definitions, "definition"),
                compared(&report.before),
                compared(&report.after)
            ),
            Ink::Plain,
        );
        sheet.say(&text)?;
        return context(&mut sheet, report.signed_by.as_deref(), &report.before, &report.volatile);
    }
    let tally = Tally::new(&report.findings);
    let ink = if report.outcome() == Outcome::Pass { Ink::Bold } else { Ink::Bad };
    let mut text = Text::default().own("Drift", ink).own(": ", Ink::Plain);
    text.push_own(&count(report.findings.len(), "change"), Ink::Bold);
    if tally.named_servers() > 0 {
        let all = servers.max(tally.named_servers());
        text.push_own(&format!(" in {} of {}", tally.named_servers(), count(all, "server")), Ink::Plain);
    }
    if report.outcome() == Outcome::Pass {
        text.push_own(&format!(", none of severity {} or above", report.fail_on), Ink::Plain);
    } else {
        worst(&mut text, &tally, style);
    }
    text.push_own(".", Ink::Plain);
    sheet.say(&text)?;
    sheet.blank()?;
    tally.table(&mut sheet)?;
    let line = format!("From {} to {}.", compared(&report.before), compared(&report.after));
    sheet.blank()?;
    sheet.say(&Text::default().own(&line, Ink::Plain))?;
    context(&mut sheet, report.signed_by.as_deref(), &report.before, &report.volatile)?;
    let left = findings::show(&mut sheet, &report.findings, limit)?;
    if report.outcome() == Outcome::Findings {
        next(&mut sheet, left, report.accept.as_deref())?;
    }
    Ok(())
}

/// Writes the result of capturing servers, at most `limit` findings in full.
pub fn lock(out: &mut impl io::Write, report: &Lock, limit: usize, style: &Style) -> io::Result<()> {
    let mut sheet = Sheet::new(out, style).full(limit == usize::MAX);
    let (word, ink, rest) = match report.written {
        Written::Created => ("Locked", Ink::Good, "written to"),
        Written::Unchanged => ("Unchanged", Ink::Good, "as locked in"),
        Written::Updated => ("Relocked", Ink::Good, "written to"),
        Written::AwaitingApproval => ("Not locked", Ink::Bad, "drifted from"),
    };
    let definitions: usize = report.servers.values().flat_map(|server| server.counts.values()).sum();
    let line = format!(
        ": {} with {}, {rest} {}.",
        count(report.servers.len(), "server"),
        count(definitions, "definition"),
        escape::terminal_in(&report.lockfile, style.charset())
    );
    sheet.say(&Text::default().own(word, ink).own(&line, Ink::Plain))?;
    sheet.blank()?;
    captured(&mut sheet, report)?;
    sheet.blank()?;
    let is = if report.written == Written::AwaitingApproval { "would be" } else { "is" };
    sheet.say(&Text::default().own(&format!("Its digest {is} sha256:{}.", report.digest), Ink::Plain))?;
    left_out_of_drift(&mut sheet, &report.volatile)?;
    if report.findings.is_empty() {
        return Ok(());
    }
    sheet.blank()?;
    let tally = Tally::new(&report.findings);
    let mut text = Text::default().own(&count(report.findings.len(), "finding"), Ink::Bold);
    worst(&mut text, &tally, style);
    text.push_own(".", Ink::Plain);
    sheet.say(&text)?;
    let left = findings::show(&mut sheet, &report.findings, limit)?;
    if report.written == Written::AwaitingApproval {
        next(&mut sheet, left, report.accept.as_deref())?;
    }
    Ok(())
}

/// Writes one line for each server that was captured.
fn captured<W: io::Write>(sheet: &mut Sheet<'_, W>, report: &Lock) -> io::Result<()> {
    const SERVERS: usize = 250;
    let charset = sheet.style.charset();
    let columns = sheet.style.columns() / 2;
    let rows: Vec<_> = report
        .servers
        .iter()
        .take(SERVERS)
        .map(|(name, server)| {
            (escape::shorten(&escape::name(name, charset), columns, charset).into_owned(), server)
        })
        .collect();
    let widest = rows.iter().map(|(name, _)| escape::width(name)).max().unwrap_or(0);
    for (name, server) in &rows {
        let pad = " ".repeat(widest + 3 - escape::width(name));
        let first = Text::default().own("  ", Ink::Plain).own(name, Ink::Bold).own(&pad, Ink::Plain);
        let rest = Text::default().own(&" ".repeat(widest + 5), Ink::Plain);
        let counts = super::inspect::counts(&server.counts);
        let version = escape::terminal_in(&server.protocol_version, charset);
        let text = format!("{counts}; protocol {version}");
        sheet.flow(&first, &rest, &Text::default().own(&text, Ink::Plain), usize::MAX)?;
        if server.counts.values().all(|&count| count == 0) {
            let text = "It declares nothing: there is nothing to review, and nothing is protected.";
            sheet.flow(&rest, &rest, &Text::default().own(text, Ink::Bad), usize::MAX)?;
        }
    }
    if report.servers.len() > SERVERS {
        let line = format!("  and {}", count(report.servers.len() - SERVERS, "more server"));
        sheet.say(&Text::default().own(&line, Ink::Plain))?;
    }
    Ok(())
}

/// Writes findings alone, in the order and within the bounds of the reports.
///
/// Returns how many were left out.
pub fn findings(
    out: &mut impl io::Write,
    findings: &[Finding],
    limit: usize,
    style: &Style,
) -> io::Result<usize> {
    findings::show(&mut Sheet::new(out, style).full(limit == usize::MAX), findings, limit)
}

fn worst(text: &mut Text, tally: &Tally<'_>, style: &Style) {
    if let Some(worst) = tally.worst() {
        text.push_own("; the worst is ", Ink::Plain);
        text.push_own(worst.as_str(), Ink::Of(worst));
        text.push_own(", in ", Ink::Plain);
        text.append(tally.worst_places(style));
    }
}

/// Says who vouches for the lockfile, and what the comparison leaves out.
fn context<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    signed_by: Option<&[String]>,
    lockfile: &str,
    volatile: &Volatile,
) -> io::Result<()> {
    let charset = sheet.style.charset();
    match signed_by {
        Some(signers) => {
            let names: Vec<_> = signers.iter().map(|signer| escape::name(signer, charset)).collect();
            let line = format!("Verified: signed by {}.", names.join(", "));
            sheet.say(&Text::default().own(&line, Ink::Plain))?;
        }
        None => {
            let line = format!(
                "Not verified: {} was compared without checking who signed it. Name a key (--key) or trust rules \
                 to check that first.",
                escape::terminal_in(lockfile, charset)
            );
            sheet.say(&Text::default().own(&line, Ink::Bold))?;
        }
    }
    left_out_of_drift(sheet, volatile)
}

fn left_out_of_drift<W: io::Write>(sheet: &mut Sheet<'_, W>, volatile: &Volatile) -> io::Result<()> {
    const POINTERS: usize = 10;
    let all: Vec<(&str, &str)> = volatile
        .iter()
        .flat_map(|(server, pointers)| pointers.iter().map(|pointer| (server.as_str(), pointer.as_str())))
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    let charset = sheet.style.charset();
    sheet.say(
        &Text::default().own("Left out of drift, because the lockfile says so (volatile):", Ink::Bold),
    )?;
    for (server, pointer) in all.iter().take(POINTERS) {
        let pointer = escape::terminal_in(pointer, charset);
        let line = format!("  {} {}", escape::name(server, charset), escape::shorten(&pointer, 200, charset));
        sheet.say(&Text::default().own(&line, Ink::Plain))?;
    }
    if all.len() > POINTERS {
        let line = format!("  and {}", count(all.len() - POINTERS, "more place"));
        sheet.say(&Text::default().own(&line, Ink::Plain))?;
    }
    Ok(())
}

/// Says what to do about drift. `left` changes were not shown: nobody should approve those unread.
fn next<W: io::Write>(sheet: &mut Sheet<'_, W>, left: usize, accept: Option<&str>) -> io::Result<()> {
    sheet.blank()?;
    heading(sheet, "What to do next")?;
    if left > 0 {
        let text = format!(
            "{} not shown here: read them with --verbose or --format json before you decide.",
            are(left, "change")
        );
        item(sheet, &text)?;
    }
    if sheet.is_cut() {
        item(
            sheet,
            "Some values are cut above: read them whole with --verbose or --format json before you decide.",
        )?;
    }
    item(sheet, "If a change is not wanted or not understood, do not use the server; ask its maintainers.")?;
    match accept {
        Some(command) => {
            item(
                sheet,
                "If every change is right, approve exactly these, and nothing that comes after them:",
            )?;
            let command = escape::terminal_in(command, sheet.style.charset());
            sheet.unwrapped(&Text::default().own("      ", Ink::Plain).own(&command, Ink::Bold))
        }
        None => item(sheet, "If every change is right, lock again and have the lockfile signed."),
    }
}

fn heading<W: io::Write>(sheet: &mut Sheet<'_, W>, text: &str) -> io::Result<()> {
    sheet.say(&Text::default().own(text, Ink::Bold))
}

fn item<W: io::Write>(sheet: &mut Sheet<'_, W>, text: &str) -> io::Result<()> {
    let first = Text::default().own("  - ", Ink::Plain);
    let rest = Text::default().own("    ", Ink::Plain);
    sheet.flow(&first, &rest, &Text::default().own(text, Ink::Plain), usize::MAX).map(drop)
}

/// `1 change`, `10,000 changes`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    format!("{out} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `1 change is`, `2 changes are`.
fn are(number: usize, noun: &str) -> String {
    format!("{} {}", count(number, noun), if number == 1 { "is" } else { "are" })
}
