//! What a verification found: the answer, the rules that gave it, every bundle, and what was tampered with.

use std::io;

use super::findings::{self, Tally};
use super::{count, heading, item, left_out_of_drift, worst};
use crate::report::paint::{Ink, Sheet, Text};
use crate::report::{BundleResult, BundleStatus, Signer, StatementFacts, Style, Verify, escape};

/// Bundles that count for nothing, and fields in which one differs from the rules, that are shown.
const OTHERS: usize = 12;
const MISMATCHES: usize = 24;

/// Writes the result of a verification, at most `limit` findings in full.
pub fn verify(out: &mut impl io::Write, report: &Verify, limit: usize, style: &Style) -> io::Result<()> {
    let mut sheet = Sheet::new(out, style).full(limit == usize::MAX);
    let charset = style.charset();
    let lockfile = escape::terminal_in(&report.lockfile, charset);
    let (word, ink) = if report.verified { ("Verified", Ink::Good) } else { ("NOT VERIFIED", Ink::Bad) };
    let (have, need) = (report.signers.len(), report.rules.threshold);
    let signatures = if need == 1 { "signature" } else { "signatures" };
    let line = format!(": {lockfile} has {have} of {need} required {signatures}.");
    sheet.say(&Text::default().own(word, ink).own(&line, Ink::Plain))?;
    if let Some(tampering) = &report.tampering {
        let line = format!(": {}.", escape::terminal_in(tampering.message.trim_end_matches('.'), charset));
        sheet.say(&Text::default().own("Not what was signed", Ink::Bad).own(&line, Ink::Plain))?;
    }
    sheet.blank()?;

    fact(&mut sheet, "lockfile", &format!("sha256:{}", report.digest))?;
    if let Some(tampering) = &report.tampering {
        fact(&mut sheet, "signed was", &format!("sha256:{}", tampering.signed))?;
        fact(&mut sheet, "in bundle", &tampering.bundle)?;
    }
    fact(&mut sheet, "rules", &report.rules.from)?;
    fact(&mut sheet, "rules digest", &format!("sha256:{}", report.rules.digest))?;
    if !report.rules.signers.is_empty() {
        fact(
            &mut sheet,
            "signers",
            &format!("{} of: {}", report.rules.threshold, report.rules.signers.join(", ")),
        )?;
    }
    if let Some(project) = &report.rules.project {
        fact(&mut sheet, "", &format!("for project {project}"))?;
    }
    if let Some(trust_root) = &report.trust_root {
        fact(&mut sheet, "trust root", trust_root)?;
    }
    left_out_of_drift(&mut sheet, &report.volatile)?;
    let counts = |result: &&BundleResult| matches!(result.status, BundleStatus::Accepted(_));
    let (accepted, others): (Vec<_>, Vec<_>) = report.bundles.iter().partition(counts);
    for result in accepted.into_iter().chain(others.iter().copied().take(OTHERS)) {
        sheet.blank()?;
        bundle(&mut sheet, result)?;
    }
    if others.len() > OTHERS {
        sheet.blank()?;
        let line = format!("And {} that count for nothing.", count(others.len() - OTHERS, "more bundle"));
        sheet.say(&Text::default().own(&line, Ink::Plain))?;
    }
    if !report.findings.is_empty() {
        sheet.blank()?;
        let (noun, of) =
            if report.verified { ("finding", "") } else { ("difference", " from what was signed") };
        let mut text =
            Text::default().own(&count(report.findings.len(), noun), Ink::Bold).own(of, Ink::Plain);
        worst(&mut text, &Tally::new(&report.findings), style);
        text.push_own(".", Ink::Plain);
        sheet.say(&text)?;
        findings::show(&mut sheet, &report.findings, limit)?;
    }
    if report.verified { Ok(()) } else { next(&mut sheet, report) }
}

fn next<W: io::Write>(sheet: &mut Sheet<'_, W>, report: &Verify) -> io::Result<()> {
    sheet.blank()?;
    heading(sheet, "What to do next")?;
    if report.bundles.is_empty() {
        return item(
            sheet,
            "There is no signature beside the lockfile: review it, and have it signed (mcptrust sign).",
        );
    }
    if report.bundles.iter().any(|bundle| matches!(bundle.status, BundleStatus::Refused { .. })) {
        item(
            sheet,
            "Restore the lockfile and the bundles as they were signed, or review what changed and sign again.",
        )?;
    }
    if report.bundles.iter().any(|bundle| bundle.status == BundleStatus::NoRule) {
        let from = escape::terminal_in(&report.rules.from, sheet.style.charset());
        let text = format!(
            "If a signer that no rule names should count, correct the rules ({from}); else ask who signed, and why."
        );
        item(sheet, &text)?;
    }
    item(sheet, "Until then, do not start the servers that this lockfile names.")
}

/// Writes one labelled line of text from outside. A word that does not fit behind the label, such as a digest,
/// gets a line of its own, so that it can be copied.
pub(in crate::report) fn fact<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    label: &str,
    text: &str,
) -> io::Result<()> {
    let label = Text::default().own(&format!("  {label:<13}"), Ink::Dim);
    let rest = Text::default().own(&" ".repeat(15), Ink::Plain);
    let word = !text.contains(' ');
    let text = Text::default().foreign(text, Ink::Plain, sheet.style);
    let columns = sheet.style.columns();
    if word && text.width() + 15 > columns && text.width() + 4 <= columns {
        sheet.unwrapped(&label)?;
        let margin = Text::default().own("    ", Ink::Plain);
        return sheet.flow(&margin, &margin, &text, 1).map(drop);
    }
    sheet.flow(&label, &rest, &text, 12).map(drop)
}

fn bundle<W: io::Write>(sheet: &mut Sheet<'_, W>, result: &BundleResult) -> io::Result<()> {
    let charset = sheet.style.charset();
    let path = escape::terminal_in(&result.path, charset);
    let title = Text::default().own(&path, Ink::Bold).own(": ", Ink::Plain);
    match &result.status {
        BundleStatus::Accepted(signers) => {
            let names: Vec<_> = signers.iter().map(|signer| escape::name(signer, charset)).collect();
            let line = format!(" for {}", names.join(", "));
            sheet.say(&title.own("accepted", Ink::Good).own(&line, Ink::Plain))?;
        }
        BundleStatus::NoRule => {
            let text = "a genuine signature, but no rule names its signer; it counts for nothing";
            sheet.say(&title.own(text, Ink::Bold))?;
        }
        BundleStatus::Refused { code, message } => {
            sheet.say(&title.own("refused", Ink::Bad))?;
            let margin = Text::default().own("  ", Ink::Plain);
            sheet.flow(&margin, &margin, &Text::default().foreign(message, Ink::Bold, sheet.style), 12)?;
            fact(sheet, "check", code)?;
        }
    }
    if let Some(by) = &result.signer {
        signer(sheet, by)?;
    }
    for at in &result.times {
        fact(sheet, "signed", &format!("{} ({})", at.time, at.by))?;
    }
    for at in &result.logs {
        fact(sheet, "log", &format!("{}, entry {}", at.log, at.index))?;
    }
    if let Some(facts) = &result.statement {
        statement(sheet, facts)?;
    }
    for problem in &result.unverified {
        fact(sheet, "not counted", problem)?;
    }
    mismatches(sheet, result)
}

/// Writes who signed.
pub(in crate::report) fn signer<W: io::Write>(sheet: &mut Sheet<'_, W>, signer: &Signer) -> io::Result<()> {
    match signer {
        Signer::Key { algorithm, id } => {
            fact(sheet, "key", algorithm.as_deref().unwrap_or("of a kind that the bundle does not say"))?;
            fact(sheet, "key id", id)
        }
        Signer::Identity { identity, issuer, .. } => {
            fact(sheet, "identity", identity)?;
            fact(sheet, "issuer", issuer)
        }
    }
}

/// Writes what a statement says beside its digests.
pub(in crate::report) fn statement<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    facts: &StatementFacts,
) -> io::Result<()> {
    fact(sheet, "project", facts.project.as_deref().unwrap_or("none named"))?;
    fact(sheet, "sequence", &facts.sequence.to_string())?;
    match &facts.previous {
        Some(previous) => fact(sheet, "previous", &format!("sha256:{previous}")),
        None => Ok(()),
    }
}

/// Writes what a rule wants and what the certificate says, one above the other, so that the eye finds the place.
fn mismatches<W: io::Write>(sheet: &mut Sheet<'_, W>, result: &BundleResult) -> io::Result<()> {
    let charset = sheet.style.charset();
    let mut rule = None;
    for mismatch in result.mismatches.iter().take(MISMATCHES) {
        if rule != Some(&mismatch.rule) {
            rule = Some(&mismatch.rule);
            let line = format!("  does not satisfy rule {}:", escape::name(&mismatch.rule, charset));
            sheet.say(&Text::default().own(&line, Ink::Plain))?;
        }
        let field = escape::terminal_in(&mismatch.field, charset);
        sheet.say(&Text::default().own("    ", Ink::Plain).own(&field, Ink::Bold))?;
        let got = mismatch.got.as_deref();
        for (label, text, ink) in
            [("expected", Some(mismatch.expected.as_str()), Ink::Added), ("got", got, Ink::Removed)]
        {
            let first = Text::default().own(&format!("      {label:<10}"), Ink::Plain);
            let rest = Text::default().own(&" ".repeat(16), Ink::Plain);
            let text = match text {
                Some(text) => Text::default().foreign(text, ink, sheet.style),
                None => Text::default().own("(nothing)", Ink::Dim),
            };
            sheet.flow(&first, &rest, &text, 8)?;
        }
    }
    if result.mismatches.len() > MISMATCHES {
        let line = format!("    and {}", count(result.mismatches.len() - MISMATCHES, "more difference"));
        sheet.say(&Text::default().own(&line, Ink::Plain))?;
    }
    Ok(())
}
