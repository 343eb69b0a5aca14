//! Findings in order of weight, grouped by server and definition, within bounds.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::{count, evidence};
use crate::finding::{Finding, Severity, Subject, codes};
use crate::report::paint::{Ink, Sheet, Text};
use crate::report::{Style, escape};

/// Servers that are listed one by one in a summary.
const SERVERS: usize = 12;

/// How many findings there are of each severity, and where.
pub(super) struct Tally<'a> {
    total: [usize; 5],
    servers: BTreeMap<Option<&'a str>, [usize; 5]>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(findings: &'a [Finding]) -> Self {
        let mut tally = Self { total: [0; 5], servers: BTreeMap::new() };
        for finding in findings {
            let server = tally.servers.entry(finding.server.as_deref()).or_default();
            for counts in [&mut tally.total, server] {
                if let Some(count) = counts.get_mut(finding.severity as usize) {
                    *count += 1;
                }
            }
        }
        tally
    }

    pub(super) fn worst(&self) -> Option<Severity> {
        worst(&self.total)
    }

    pub(super) fn named_servers(&self) -> usize {
        self.servers.keys().flatten().count()
    }

    /// The servers with findings, the worst first.
    fn by_weight(&self) -> Vec<(Option<&'a str>, [usize; 5])> {
        let mut servers: Vec<_> = self.servers.iter().map(|(&name, &counts)| (name, counts)).collect();
        servers.sort_by_key(|&(name, counts)| {
            (counts.map(std::cmp::Reverse).into_iter().rev().collect::<Vec<_>>(), name)
        });
        servers
    }

    /// Names the servers that have the worst findings.
    pub(super) fn worst_places(&self, style: &Style) -> Text {
        let worst = self.worst();
        let places: Vec<_> = self.servers.iter().filter(|(_, counts)| self::worst(counts) == worst).collect();
        let mut text = Text::default();
        for (at, (name, _)) in places.iter().take(3).enumerate() {
            text.push_own(if at == 0 { "" } else { ", " }, Ink::Plain);
            text.push_own(&place(**name, style), Ink::Bold);
        }
        if places.len() > 3 {
            text.push_own(&format!(" and {} more", places.len() - 3), Ink::Plain);
        }
        text
    }

    /// Writes one line for each server.
    pub(super) fn table<W: io::Write>(&self, sheet: &mut Sheet<'_, W>) -> io::Result<()> {
        let servers = self.by_weight();
        let columns = sheet.style.columns() / 2;
        let names: Vec<String> = servers
            .iter()
            .take(SERVERS)
            .map(|&(name, _)| {
                escape::shorten(&place(name, sheet.style), columns, sheet.style.charset()).into_owned()
            })
            .collect();
        let widest = names.iter().map(|name| escape::width(name)).max().unwrap_or(0);
        for (name, (_, counts)) in names.iter().zip(&servers) {
            let pad = " ".repeat(widest + 3 - escape::width(name));
            let first = Text::default().own("  ", Ink::Plain).own(name, Ink::Bold).own(&pad, Ink::Plain);
            let rest = Text::default().own(&" ".repeat(widest + 5), Ink::Plain);
            sheet.flow(&first, &rest, &counted(counts), usize::MAX)?;
        }
        if servers.len() > SERVERS {
            let mut left = [0; 5];
            for (_, counts) in servers.iter().skip(SERVERS) {
                left = add(left, *counts);
            }
            let more = format!("  {}: ", count(servers.len() - SERVERS, "more server"));
            sheet.say(&Text::default().own(&more, Ink::Plain).join(counted(&left)))?;
        }
        Ok(())
    }
}

fn add(a: [usize; 5], b: [usize; 5]) -> [usize; 5] {
    let mut sum = a;
    for (total, more) in sum.iter_mut().zip(b) {
        *total += more;
    }
    sum
}

fn worst(counts: &[usize; 5]) -> Option<Severity> {
    let found = Severity::ALL.into_iter().zip(counts).rev().find(|&(_, &count)| count > 0);
    found.map(|(severity, _)| severity)
}

/// `1 critical, 2 high`.
fn counted(counts: &[usize; 5]) -> Text {
    let mut text = Text::default();
    for (severity, &count) in Severity::ALL.into_iter().zip(counts).rev().filter(|&(_, &count)| count > 0) {
        text.push_own(if text.is_empty() { "" } else { ", " }, Ink::Plain);
        text.push_own(&format!("{count} {severity}"), Ink::Of(severity));
    }
    text
}

/// A server's name, or what stands for findings about no server.
fn place(server: Option<&str>, style: &Style) -> String {
    server
        .map_or("lockfile and signatures".to_owned(), |name| escape::name(name, style.charset()).into_owned())
}

/// What findings of one definition have in common.
type Definition<'a> = (Subject, Option<&'a str>);

/// The findings of one definition.
type Group<'a> = (Definition<'a>, Vec<&'a Finding>);

/// Writes at most `limit` findings in full, the ones that matter most, and counts the others.
///
/// Returns how many were left out.
pub(super) fn show<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    findings: &[Finding],
    limit: usize,
) -> io::Result<usize> {
    let mut ordered: Vec<&Finding> = findings.iter().collect();
    ordered.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| key(a).cmp(&key(b))));
    let shown = ordered.get(..limit).unwrap_or(&ordered);

    // The first finding of a group is its worst, so groups in order of first appearance are in order of weight.
    let mut groups: Vec<(Option<&str>, Vec<Group<'_>>)> = Vec::new();
    let mut server_at = BTreeMap::new();
    let mut definition_at = BTreeMap::new();
    for &finding in shown {
        let server = finding.server.as_deref();
        let group = *server_at.entry(server).or_insert_with(|| {
            groups.push((server, Vec::new()));
            groups.len() - 1
        });
        let Some((_, definitions)) = groups.get_mut(group) else { continue };
        let definition = (finding.kind, finding.name.as_deref());
        let at = *definition_at.entry((server, definition)).or_insert_with(|| {
            definitions.push((definition, Vec::new()));
            definitions.len() - 1
        });
        if let Some((_, members)) = definitions.get_mut(at) {
            members.push(finding);
        }
    }

    let mut advised = BTreeSet::new();
    for (server, definitions) in &groups {
        sheet.blank()?;
        heading(sheet, &place(*server, sheet.style))?;
        for ((kind, name), members) in definitions {
            sheet.blank()?;
            definition_heading(sheet, *kind, *name)?;
            for (at, finding) in members.iter().enumerate() {
                if at > 0 {
                    sheet.blank()?;
                }
                let advise = finding.severity >= Severity::High && advised.insert(finding.code);
                one(sheet, finding, advise)?;
            }
        }
    }
    let rest = ordered.get(shown.len()..).unwrap_or_default();
    if !rest.is_empty() {
        sheet.blank()?;
        left_out(sheet, rest)?;
    }
    Ok(rest.len())
}

fn key(finding: &Finding) -> impl Ord + '_ {
    (finding.server.as_deref(), finding.kind, finding.name.as_deref(), finding.pointer.as_str(), finding.code)
}

fn heading<W: io::Write>(sheet: &mut Sheet<'_, W>, name: &str) -> io::Result<()> {
    let columns = sheet.style.columns();
    let name = escape::shorten(name, columns - 4, sheet.style.charset());
    let rule = sheet.style.rule().repeat(columns - 1 - escape::width(&name).min(columns - 1));
    sheet.say(&Text::default().own(&name, Ink::Bold).own(" ", Ink::Plain).own(&rule, Ink::Dim))
}

fn definition_heading<W: io::Write>(
    sheet: &mut Sheet<'_, W>,
    kind: Subject,
    name: Option<&str>,
) -> io::Result<()> {
    let mut text = Text::default().own(words(kind), Ink::Plain);
    if let Some(name) = name {
        let name = escape::name(name, sheet.style.charset());
        let name = escape::shorten(&name, 3 * sheet.style.columns(), sheet.style.charset());
        text = text.own(" ", Ink::Plain).own(&name, Ink::Bold);
    }
    sheet.say(&text)
}

/// A subject in words.
fn words(kind: Subject) -> &'static str {
    match kind {
        Subject::Lockfile => "the lockfile",
        Subject::Server => "the server as a whole",
        Subject::Source => "how the server is started",
        Subject::Volatile => "what is left out of drift",
        Subject::ProtocolVersion => "protocol version",
        Subject::ServerInfo => "server information",
        Subject::Capabilities => "capabilities",
        Subject::Instructions => "instructions",
        Subject::Tool => "tool",
        Subject::Prompt => "prompt",
        Subject::Resource => "resource",
        Subject::ResourceTemplate => "resource template",
        Subject::Other => "unnamed by the protocol",
        Subject::Signature => "signature",
        Subject::Signer => "signer",
    }
}

fn one<W: io::Write>(sheet: &mut Sheet<'_, W>, finding: &Finding, advise: bool) -> io::Result<()> {
    let indent = if sheet.style.columns() < 60 { 4 } else { 12 };
    let margin = Text::default().own(&" ".repeat(indent), Ink::Plain);
    let word = finding.severity.as_str().to_uppercase();
    let pad = " ".repeat(10 - word.len().min(9));
    let first =
        Text::default().own("  ", Ink::Plain).own(&word, Ink::Of(finding.severity)).own(&pad, Ink::Plain);
    let mut label = Text::default();
    let (first, rest) = if indent < first.width() {
        label = first;
        (Text::default(), &margin)
    } else {
        (first, &margin)
    };
    let sentence = std::mem::take(&mut label).foreign(&finding.message, Ink::Plain, sheet.style);
    sheet.flow(&first, rest, &sentence, 8)?;

    let mut place = Text::default().own(finding.code, Ink::Dim);
    if !finding.pointer.is_empty() {
        let pointer = escape::terminal_in(&finding.pointer, sheet.style.charset());
        let pointer = escape::shorten(&pointer, 3 * sheet.style.columns(), sheet.style.charset());
        place = place.own(" at ", Ink::Dim).own(&pointer, Ink::Dim);
    }
    sheet.flow(&margin, &margin, &place, 4)?;
    evidence::show(sheet, finding, indent)?;
    if let Some(info) = codes::find(finding.code).filter(|_| advise) {
        let arrow = if sheet.style.unicode { "→ " } else { "> " };
        let first = margin.clone().own(arrow, Ink::Bold);
        let rest = margin.own("  ", Ink::Plain);
        sheet.flow(&first, &rest, &Text::default().own(info.action, Ink::Plain), 4)?;
    }
    Ok(())
}

/// Counts the findings that are not shown, by server and by code.
fn left_out<W: io::Write>(sheet: &mut Sheet<'_, W>, rest: &[&Finding]) -> io::Result<()> {
    let mut total = [0; 5];
    let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in rest {
        if let Some(count) = total.get_mut(finding.severity as usize) {
            *count += 1;
        }
        *by_code.entry(finding.code).or_default() += 1;
    }
    let text = Text::default()
        .own(&format!("{} not shown: ", count(rest.len(), "more change")), Ink::Bold)
        .join(counted(&total));
    sheet.say(&text)?;
    let mut by_code: Vec<_> = by_code.into_iter().collect();
    by_code.sort_by_key(|&(code, count)| (std::cmp::Reverse(count), code));
    for &(code, count) in by_code.iter().take(SERVERS) {
        sheet.say(&Text::default().own(&format!("  {count:>7}  {code}"), Ink::Plain))?;
    }
    if by_code.len() > SERVERS {
        sheet.say(
            &Text::default()
                .own(&format!("  and {}", super::count(by_code.len() - SERVERS, "more code")), Ink::Plain),
        )?;
    }
    Ok(())
}
