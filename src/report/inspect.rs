//! What a lockfile or a bundle holds, for people and for programs. Nothing here is verified.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;

use super::human::{self, count, fact};
use super::json::{digest, map, number, object, optional, signer, statement, text, texts, time, write};
use super::paint::{Ink, Sheet, Text};
use super::{Signer, StatementFacts, Style, escape};
use crate::json::{Digest, Json, Value};
use crate::lockfile::{Lockfile, Server, Source};
use crate::surface::Kind;

/// Names of one kind that are listed for a person.
const NAMES: usize = 60;

/// A bundle as its file has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// Path of the bundle.
    pub path: String,
    /// Its media type.
    pub media_type: String,
    /// The signed statement; `None` where the bundle signs the lockfile's bytes directly.
    pub statement: Option<Statement>,
    /// Who signed, as the bundle says.
    pub signer: Option<Signer>,
    /// The certificate of a keyless signature.
    pub certificate: Option<Certificate>,
    /// Entries in transparency logs.
    pub log_entries: Vec<LogEntry>,
    /// Times of the RFC 3161 timestamps.
    pub timestamps: Vec<Timestamp>,
}

/// What a bundle's statement says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Name of the file that was signed.
    pub subject_name: String,
    /// Digest of the file that was signed.
    pub subject_digest: Digest,
    /// Type of the statement's predicate.
    pub predicate_type: String,
    /// Version of the lockfile's format.
    pub lockfile_version: u64,
    /// Project, sequence and previous lockfile.
    pub facts: StatementFacts,
    /// How many definitions of each kind are bound, by server.
    pub servers: BTreeMap<String, BTreeMap<Kind, usize>>,
}

/// The certificate of a keyless signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate authority's name.
    pub authority: String,
    /// Start of its validity.
    pub not_before: Timestamp,
    /// End of its validity.
    pub not_after: Timestamp,
    /// What Fulcio's extensions say, in the order of their OIDs.
    pub claims: Vec<Claim>,
}

/// One of Fulcio's certificate extensions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Its name, such as `source-repository-uri`.
    pub name: String,
    /// Its object identifier.
    pub oid: String,
    /// Its value.
    pub value: String,
}

/// An entry in a transparency log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// Kind and version, such as `hashedrekord 0.0.2`.
    pub kind: String,
    /// Index in the log.
    pub index: u64,
    /// The log's key id, in hexadecimal.
    pub log_id: String,
    /// The log's origin, from the checkpoint.
    pub origin: Option<String>,
    /// The time that the log gave, where it gives one.
    pub integrated: Option<Timestamp>,
    /// Whether the bundle carries an inclusion proof.
    pub inclusion_proof: bool,
}

/// `2 tools, 1 prompt`.
pub(super) fn counts(counts: &BTreeMap<Kind, usize>) -> String {
    let parts: Vec<String> =
        counts.iter().filter(|&(_, &count)| count > 0).map(|(&kind, &n)| count(n, noun(kind))).collect();
    if parts.is_empty() { "no definitions".to_owned() } else { parts.join(", ") }
}

fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Tool => "tool",
        Kind::Prompt => "prompt",
        Kind::Resource => "resource",
        Kind::ResourceTemplate => "resource template",
    }
}

/// Writes a lockfile's summary for a person.
pub fn lockfile(
    out: &mut impl io::Write,
    path: &str,
    digest: &Digest,
    lockfile: &Lockfile<'_>,
    style: &Style,
) -> io::Result<()> {
    let mut sheet = Sheet::new(out, style);
    let definitions: usize = lockfile.servers.values().map(|server| server.surface.count()).sum();
    let servers = count(lockfile.servers.len(), "server");
    let line = format!(": {servers} with {}.", count(definitions, "definition"));
    let path = escape::terminal_in(path, style.charset());
    sheet.say(&Text::default().own(&path, Ink::Bold).own(&line, Ink::Plain))?;
    sheet.blank()?;
    fact(&mut sheet, "digest", &format!("sha256:{digest}"))?;
    fact(&mut sheet, "version", &crate::lockfile::VERSION.to_string())?;
    fact(&mut sheet, "project", lockfile.project.as_deref().unwrap_or("none named"))?;
    for (name, server) in &lockfile.servers {
        sheet.blank()?;
        sheet.say(&Text::default().own(&escape::name(name, style.charset()), Ink::Bold))?;
        server_facts(&mut sheet, server)?;
    }
    Ok(())
}

fn server_facts<W: io::Write>(sheet: &mut Sheet<'_, W>, server: &Server<'_>) -> io::Result<()> {
    let charset = sheet.style.charset();
    let surface = &server.surface;
    match &server.source {
        Source::Stdio { command, args, env, env_from, cwd } => {
            let words = std::iter::once(command).chain(args).map(|word| escape::name(word, charset));
            let line = words.collect::<Vec<_>>().join(" ");
            labelled(sheet, "runs", &Text::default().own(&line, Ink::Plain))?;
            let from = env_from.iter().map(|(name, other)| format!("{name} (from {other})"));
            let names: Vec<String> = env.iter().cloned().chain(from).collect();
            if !names.is_empty() {
                fact(sheet, "environment", &names.join(", "))?;
            }
            if let Some(cwd) = cwd {
                fact(sheet, "directory", cwd)?;
            }
        }
    }
    let info = |field| surface.server_info.as_ref().and_then(|info| info.get(field)).and_then(Value::as_str);
    if let Some(name) = info("name") {
        fact(sheet, "says it is", &format!("{name} {}", info("version").unwrap_or("without a version")))?;
    }
    fact(sheet, "protocol", &surface.protocol_version)?;
    for kind in Kind::ALL {
        let definitions = surface.definitions(kind);
        if definitions.is_empty() {
            continue;
        }
        let mut text = Text::default().own(&definitions.len().to_string(), Ink::Bold).own(": ", Ink::Plain);
        for (at, name) in definitions.keys().take(NAMES).enumerate() {
            text.push_own(if at == 0 { "" } else { ", " }, Ink::Plain);
            let name = escape::name(name, charset);
            text.push_own(&escape::shorten(&name, 2 * sheet.style.columns(), charset), Ink::Plain);
        }
        if definitions.len() > NAMES {
            text.push_own(&format!(" and {}", count(definitions.len() - NAMES, "more name")), Ink::Plain);
        }
        let label = if kind == Kind::ResourceTemplate { "templates" } else { kind.plural() };
        labelled(sheet, label, &text)?;
    }
    if let Some(instructions) = &surface.instructions {
        fact(sheet, "instructions", &count(instructions.chars().count(), "character"))?;
    }
    if surface.count() == 0 {
        fact(sheet, "declares", "nothing")?;
    }
    for pointer in &server.volatile {
        fact(sheet, "volatile", pointer)?;
    }
    Ok(())
}

/// Writes one labelled line of safe text.
fn labelled<W: io::Write>(sheet: &mut Sheet<'_, W>, label: &str, text: &Text) -> io::Result<()> {
    let first = Text::default().own(&format!("  {label:<13}"), Ink::Dim);
    let rest = Text::default().own(&" ".repeat(15), Ink::Plain);
    sheet.flow(&first, &rest, text, usize::MAX).map(drop)
}

/// Writes a lockfile's summary for a program.
pub fn lockfile_json(
    out: &mut impl io::Write,
    path: &str,
    lockfile_digest: &Digest,
    lockfile: &Lockfile<'_>,
) -> io::Result<()> {
    let servers = lockfile.servers.iter().map(|(name, server)| {
        let surface = &server.surface;
        let names = Kind::ALL.into_iter().map(|kind| {
            let names = surface.definitions(kind).keys().map(|name| text(name)).collect::<Vec<_>>();
            (kind.plural(), Value::from(names))
        });
        let entry = object([
            ("source", server.source.to_json()),
            ("protocolVersion", text(&surface.protocol_version)),
            ("serverInfo", surface.server_info.as_ref().map_or(Value::Null, Value::to_owned_json)),
            ("instructions", optional(surface.instructions.as_deref())),
            ("names", map(names)),
            ("volatile", texts(&server.volatile)),
        ]);
        (name.clone(), entry)
    });
    let lockfile = object([
        ("path", text(path)),
        ("digest", digest(lockfile_digest)),
        ("lockfileVersion", Value::from(crate::lockfile::VERSION)),
        ("project", optional(lockfile.project.as_deref())),
        ("servers", map(servers)),
    ]);
    document(out, "lockfile", lockfile)
}

/// Writes a bundle's summary for a person.
pub fn bundle(out: &mut impl io::Write, bundle: &Bundle, style: &Style) -> io::Result<()> {
    let mut sheet = Sheet::new(out, style);
    let path = escape::terminal_in(&bundle.path, style.charset());
    let line = ": shown as the file has it; nothing here is verified.";
    sheet.say(&Text::default().own(&path, Ink::Bold).own(line, Ink::Plain))?;
    sheet.blank()?;
    fact(&mut sheet, "format", &bundle.media_type)?;
    match &bundle.statement {
        None => fact(&mut sheet, "signs", "the lockfile's bytes, without a statement")?,
        Some(statement) => statement_facts(&mut sheet, statement)?,
    }
    match &bundle.signer {
        None => fact(&mut sheet, "signer", "not named")?,
        Some(signer) => human::signer(&mut sheet, signer)?,
    }
    if let Some(certificate) = &bundle.certificate {
        sheet.blank()?;
        sheet.say(&Text::default().own("certificate", Ink::Bold))?;
        fact(&mut sheet, "from", &certificate.authority)?;
        fact(&mut sheet, "valid", &format!("{} to {}", certificate.not_before, certificate.not_after))?;
        for claim in &certificate.claims {
            let name = escape::terminal_in(&claim.name, style.charset());
            sheet.say(&Text::default().own("  ", Ink::Plain).own(&name, Ink::Dim))?;
            let margin = Text::default().own("    ", Ink::Plain);
            sheet.flow(&margin, &margin, &Text::default().foreign(&claim.value, Ink::Plain, style), 8)?;
        }
    }
    for entry in &bundle.log_entries {
        sheet.blank()?;
        sheet.say(&Text::default().own("log entry", Ink::Bold))?;
        fact(&mut sheet, "kind", &entry.kind)?;
        fact(&mut sheet, "index", &entry.index.to_string())?;
        fact(&mut sheet, "log", entry.origin.as_deref().unwrap_or("not named"))?;
        fact(&mut sheet, "log id", &entry.log_id)?;
        if let Some(time) = entry.integrated {
            fact(&mut sheet, "integrated", &time.to_string())?;
        }
        fact(
            &mut sheet,
            "proof",
            if entry.inclusion_proof { "inclusion proof" } else { "no inclusion proof" },
        )?;
    }
    if !bundle.timestamps.is_empty() {
        sheet.blank()?;
        sheet.say(&Text::default().own("timestamps", Ink::Bold))?;
        for time in &bundle.timestamps {
            fact(&mut sheet, "signed", &time.to_string())?;
        }
    }
    Ok(())
}

fn statement_facts<W: io::Write>(sheet: &mut Sheet<'_, W>, statement: &Statement) -> io::Result<()> {
    fact(sheet, "signs", &statement.subject_name)?;
    fact(sheet, "", &format!("sha256:{}", statement.subject_digest))?;
    fact(sheet, "predicate", &statement.predicate_type)?;
    fact(sheet, "version", &statement.lockfile_version.to_string())?;
    human::statement(sheet, &statement.facts)?;
    for (name, kinds) in &statement.servers {
        let name = escape::name(name, sheet.style.charset());
        labelled(
            sheet,
            "server",
            &Text::default().own(&name, Ink::Bold).own(&format!("  {}", counts(kinds)), Ink::Plain),
        )?;
    }
    Ok(())
}

/// Writes a bundle's summary for a program.
pub fn bundle_json(out: &mut impl io::Write, bundle: &Bundle) -> io::Result<()> {
    let certificate = bundle.certificate.as_ref().map_or(Value::Null, |certificate| {
        let claims = certificate.claims.iter().map(|claim| {
            object([("name", text(&claim.name)), ("oid", text(&claim.oid)), ("value", text(&claim.value))])
        });
        object([
            ("authority", text(&certificate.authority)),
            ("notBefore", time(Some(certificate.not_before))),
            ("notAfter", time(Some(certificate.not_after))),
            ("claims", claims.collect::<Vec<_>>().into()),
        ])
    });
    let entries = bundle.log_entries.iter().map(|entry| {
        object([
            ("kind", text(&entry.kind)),
            ("index", Value::from(entry.index)),
            ("logId", text(&entry.log_id)),
            ("origin", optional(entry.origin.as_deref())),
            ("integrated", time(entry.integrated)),
            ("inclusionProof", Value::from(entry.inclusion_proof)),
        ])
    });
    let timestamps = bundle.timestamps.iter().map(|&at| time(Some(at))).collect::<Vec<_>>();
    let part = object([
        ("path", text(&bundle.path)),
        ("mediaType", text(&bundle.media_type)),
        ("statement", bundle.statement.as_ref().map_or(Value::Null, statement_json)),
        ("signer", bundle.signer.as_ref().map_or(Value::Null, signer)),
        ("certificate", certificate),
        ("logEntries", entries.collect::<Vec<_>>().into()),
        ("timestamps", timestamps.into()),
    ]);
    document(out, "bundle", part)
}

fn statement_json(said: &Statement) -> Json {
    let servers = said.servers.iter().map(|(name, kinds)| {
        let counts = map(kinds.iter().map(|(kind, &count)| (kind.plural(), number(count))));
        (name.clone(), counts)
    });
    object([
        ("subject", object([("name", text(&said.subject_name)), ("digest", digest(&said.subject_digest))])),
        ("predicateType", text(&said.predicate_type)),
        ("lockfileVersion", Value::from(said.lockfile_version)),
        ("facts", statement(&said.facts)),
        ("servers", map(servers)),
    ])
}

fn document(out: &mut impl io::Write, what: &str, part: Json) -> io::Result<()> {
    let document = object([
        ("schemaVersion", Value::from(super::json::SCHEMA_VERSION)),
        ("command", text("inspect")),
        ("inspect", object([(what, part)])),
    ]);
    write(out, &document)
}
