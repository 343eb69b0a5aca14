//! One bundle against all rules, and all bundles against the threshold.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use base64::Engine as _;
use jiff::Timestamp;

use super::authenticate::{self, Subject};
use super::report::{Authentic, BundleReport, Difference, RuleReport, Status, Tampering};
use super::{NamedBundle, Options, Problem};
use crate::json::{Digest, canonical};
use crate::lockfile::{Lockfile, Tree};
use crate::signing::bundle::{Bundle, Content, Material};
use crate::signing::certificate::SigningCertificate;
use crate::signing::dsse;
use crate::signing::facts::SignerFacts;
use crate::signing::keys::PublicKey;
use crate::signing::rules::{Method, Mismatch, Rules, SignerRule};
use crate::signing::statement::Statement;
use crate::signing::trust::TrustMaterial;

pub(super) struct Context<'c, 'a> {
    pub(super) lockfile: &'a [u8],
    /// SHA-256 of the bytes.
    pub(super) digest: Digest,
    pub(super) parsed: Option<&'c Lockfile<'a>>,
    /// The digests of what was parsed, computed when a statement first needs them.
    pub(super) tree: OnceCell<Tree>,
    pub(super) rules: &'c Rules,
    pub(super) trust: Option<&'c TrustMaterial>,
    pub(super) options: &'c Options,
    pub(super) now: Timestamp,
}

/// What came of asking for a signature in the ways that the rules name; with it, what every rule says.
enum Asked {
    /// A genuine signature.
    Genuine(Authentic, Vec<RuleReport>),
    /// No rule asks for such a signature, or none of the keys made it.
    NotByRule(Vec<RuleReport>),
}

impl Context<'_, '_> {
    pub(super) fn examine(&self, named: &NamedBundle<'_>) -> BundleReport {
        let mut report = BundleReport {
            name: named.name.to_owned(),
            status: Status::NoRule,
            authentic: None,
            statement: None,
            rules: Vec::new(),
        };
        report.status = self.status(named, &mut report).unwrap_or_else(Status::Refused);
        report
    }

    fn status(&self, named: &NamedBundle<'_>, report: &mut BundleReport) -> Result<Status, Problem> {
        let bundle = Bundle::parse(named.bytes)?;
        if let Content::Envelope(envelope) = &bundle.content
            && envelope.payload_type != dsse::IN_TOTO
        {
            return Err(Problem::PayloadType { found: envelope.payload_type.clone() });
        }
        let asked = match &bundle.material {
            Material::PublicKey { hint } => self.ask_keys(&bundle, hint)?,
            Material::Certificate { leaf, .. } => self.ask_certificate(&bundle, leaf)?,
        };
        let (authentic, rules) = match asked {
            Asked::Genuine(authentic, rules) => (authentic, rules),
            Asked::NotByRule(rules) => {
                report.rules = rules;
                return Ok(Status::NoRule);
            }
        };
        report.rules = rules;
        let authentic = report.authentic.insert(authentic);
        let statement = match &bundle.content {
            Content::Envelope(envelope) => Some(Statement::parse(&envelope.payload)?),
            Content::Message(_) => None,
        };
        for (rule, outcome) in self.rules.signers().iter().zip(&mut report.rules) {
            self.further_mismatches(rule, authentic, statement.as_ref(), &mut outcome.mismatches);
        }
        report.statement = statement;
        let signers: BTreeSet<&String> =
            report.rules.iter().filter(|rule| rule.mismatches.is_empty()).map(|rule| &rule.name).collect();
        if signers.is_empty() {
            return Ok(Status::NoRule);
        }
        if let Some(statement) = &report.statement {
            self.binds(statement)?;
        }
        self.fresh(authentic, report.statement.as_ref())?;
        Ok(Status::Accepted { signers: signers.into_iter().cloned().collect() })
    }

    /// A bare key: every key that the rules name is tried, whatever the bundle's hint says.
    fn ask_keys(&self, bundle: &Bundle, hint: &str) -> Result<Asked, Problem> {
        let keys = || {
            self.rules.signers().iter().filter_map(|rule| match &rule.method {
                Method::Key(key) => Some(key),
                Method::Identity(_) => None,
            })
        };
        let mut found = None;
        let mut named = None;
        for key in keys() {
            match authenticate::with_key(bundle, key, Subject::Bytes(self.lockfile), self.trust, self.now) {
                Ok(authentic) => {
                    found = Some((key, authentic));
                    break;
                }
                Err(problem) if is_hint_of(hint, key) => named = Some(problem),
                Err(_) => {}
            }
        }
        let got = match (&found, hint) {
            (Some((key, _)), _) => format!("a signature by the key {}", key.hint()),
            (None, "") => "no signature by it over this content".to_owned(),
            (None, hint) => format!("no signature by it over this content; the bundle names the key {hint}"),
        };
        let rules = self
            .rules
            .signers()
            .iter()
            .map(|rule| {
                let mismatches = match &rule.method {
                    Method::Key(key) if found.as_ref().is_some_and(|(match_, _)| *match_ == key) => {
                        Vec::new()
                    }
                    Method::Key(key) => {
                        vec![Mismatch::new("key", key.hint().to_string(), Some(got.as_str()))]
                    }
                    Method::Identity(_) => {
                        vec![Mismatch::new("method", "a certificate", Some("a signature by a bare key"))]
                    }
                };
                RuleReport { name: rule.name.clone(), mismatches }
            })
            .collect();
        match (found, named) {
            (Some((_, authentic)), _) => Ok(Asked::Genuine(authentic, rules)),
            // The bundle names a trusted key and is not its work: say so instead of "some other key".
            (None, Some(problem)) => Err(problem),
            (None, None) => Ok(Asked::NotByRule(rules)),
        }
    }

    fn ask_certificate(&self, bundle: &Bundle, leaf: &[u8]) -> Result<Asked, Problem> {
        let method = |rule: &SignerRule, mismatches| RuleReport { name: rule.name.clone(), mismatches };
        let not_by_key = || vec![Mismatch::new("method", "a signature by a key", Some("a certificate"))];
        let by_identity = self.rules.signers().iter().any(|rule| matches!(rule.method, Method::Identity(_)));
        let (true, Some(trust)) = (by_identity, self.trust) else {
            let rules = self.rules.signers().iter().map(|rule| method(rule, not_by_key())).collect();
            return Ok(Asked::NotByRule(rules));
        };
        // An envelope is first verified for the digest that it names itself; whether that is this file's is
        // asked afterwards, so that a genuine signature over another file can explain the difference.
        let subject = match &bundle.content {
            Content::Envelope(envelope) => {
                Subject::Sha256(Statement::parse(&envelope.payload)?.subject_digest)
            }
            Content::Message(_) => Subject::Bytes(self.lockfile),
        };
        let authentic = authenticate::by_certificate(bundle, subject, trust, self.now)?;
        let certificate = SigningCertificate::from_der(leaf)?;
        let rules = self
            .rules
            .signers()
            .iter()
            .map(|rule| match &rule.method {
                Method::Key(_) => method(rule, not_by_key()),
                Method::Identity(identity) => method(rule, identity.mismatches(&certificate)),
            })
            .collect();
        Ok(Asked::Genuine(authentic, rules))
    }

    /// What a rule demands besides its key or identity.
    fn further_mismatches(
        &self,
        rule: &SignerRule,
        authentic: &Authentic,
        statement: Option<&Statement>,
        mismatches: &mut Vec<Mismatch>,
    ) {
        let project = match statement {
            Some(statement) => statement.project.as_deref(),
            None => self.parsed.and_then(|lockfile| lockfile.project.as_deref()),
        };
        for expected in [self.rules.project(), rule.project.as_deref()].into_iter().flatten() {
            if project != Some(expected) {
                mismatches.push(Mismatch::new("project", expected, project));
            }
        }
        if rule.require_statement && statement.is_none() {
            mismatches.push(Mismatch::new(
                "content",
                "a signed statement",
                Some("a plain signature over the file's bytes"),
            ));
        }
        if rule.require_log && authentic.logs.is_empty() {
            let got = authentic.unverified.iter().find(|problem| matches!(problem, Problem::Log { .. }));
            mismatches.push(Mismatch::new(
                "log",
                "a verified entry in a transparency log",
                got.map(ToString::to_string),
            ));
        }
    }

    /// The statement is about this file, and says of it what is in it.
    fn binds(&self, statement: &Statement) -> Result<(), Problem> {
        let actual = self.digest;
        if statement.subject_digest != actual {
            return Err(Problem::Tampered { signed: statement.subject_digest, actual });
        }
        let Some(lockfile) = self.parsed else { return Ok(()) };
        let shown =
            |project: Option<&str>| project.map_or_else(|| "absent".to_owned(), |text| format!("{text:?}"));
        if statement.project.as_deref() != lockfile.project.as_deref() {
            return Err(Problem::Contradiction {
                field: "project",
                signed: shown(statement.project.as_deref()),
                actual: shown(lockfile.project.as_deref()),
            });
        }
        let tree = self.tree(lockfile);
        if statement.servers != *tree {
            let digest = |tree: &Tree| Digest::of(&canonical(&tree.to_json()));
            return Err(Problem::Contradiction {
                field: "the digest tree",
                signed: digest(&statement.servers).to_string(),
                actual: digest(tree).to_string(),
            });
        }
        Ok(())
    }

    fn fresh(&self, authentic: &Authentic, statement: Option<&Statement>) -> Result<(), Problem> {
        if let Some(limit) = self.options.max_age {
            // A timestamp says that a signature existed by then. A certificate's short life bounds it from below as
            // well; a key's does not, and anybody can have an old signature stamped anew.
            let bounded = matches!(authentic.signer, SignerFacts::Identity { .. });
            let signed_at = authentic.signed_at().filter(|_| bounded).ok_or(Problem::AgeUnknown)?;
            let age = self.now.duration_since(signed_at);
            if age > limit {
                return Err(Problem::TooOld { age, limit });
            }
        }
        if let Some(minimum) = self.options.min_sequence {
            match statement {
                None => return Err(Problem::NoSequence { minimum }),
                Some(statement) if statement.sequence < minimum => {
                    return Err(Problem::Rollback { got: statement.sequence, minimum });
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// What a trusted signature over another lockfile tells about the difference.
    pub(super) fn tampering(&self, report: &BundleReport) -> Option<Tampering> {
        let (Status::Refused(Problem::Tampered { signed, .. }), Some(statement)) =
            (&report.status, &report.statement)
        else {
            return None;
        };
        let difference = match self.parsed {
            _ if self.differs_in_line_endings(*signed) => Difference::LineEndings,
            None => Difference::Unreadable,
            Some(lockfile)
                if statement.servers == *self.tree(lockfile)
                    && statement.project.as_deref() == lockfile.project.as_deref() =>
            {
                Difference::Formatting
            }
            Some(_) => Difference::Content,
        };
        Some(Tampering {
            bundle: report.name.clone(),
            signed: *signed,
            tree: statement.servers.clone(),
            project: statement.project.clone(),
            difference,
        })
    }

    fn tree(&self, lockfile: &Lockfile<'_>) -> &Tree {
        self.tree.get_or_init(|| lockfile.digests())
    }

    fn differs_in_line_endings(&self, signed: Digest) -> bool {
        let Ok(text) = std::str::from_utf8(self.lockfile) else { return false };
        let unix = text.replace("\r\n", "\n");
        Digest::of(unix.as_bytes()) == signed || Digest::of(unix.replace('\n', "\r\n").as_bytes()) == signed
    }
}

/// Whether a bundle's hint names this key: in our form, or in cosign's.
fn is_hint_of(hint: &str, key: &PublicKey) -> bool {
    let digest = key.hint();
    hint == digest.to_string() || hint == base64::engine::general_purpose::STANDARD.encode(digest.as_bytes())
}

/// The distinct signers whose bundles were accepted.
///
/// A signer counts once whatever it signs with, and one key or identity counts for one signer only, also
/// where it satisfies the rules of several. So this is a matching between actual signers and rule names: the
/// largest there is (Kuhn's algorithm; both sides are a handful).
pub(super) fn distinct_signers(reports: &[BundleReport]) -> Vec<String> {
    let mut actual: Vec<(&SignerFacts, BTreeSet<&str>)> = Vec::new();
    for report in reports {
        if let (Status::Accepted { signers }, Some(authentic)) = (&report.status, &report.authentic) {
            let names = signers.iter().map(String::as_str);
            match actual.iter_mut().find(|(facts, _)| facts.same_signer(&authentic.signer)) {
                Some((_, known)) => known.extend(names),
                None => actual.push((&authentic.signer, names.collect())),
            }
        }
    }
    let mut taken: Vec<(&str, usize)> = Vec::new();
    for signer in 0..actual.len() {
        assign(signer, &actual, &mut taken, &mut BTreeSet::new());
    }
    let mut names: Vec<String> = taken.into_iter().map(|(name, _)| name.to_owned()).collect();
    names.sort();
    names
}

/// Finds a name for a signer, moving others to their second choice where that helps.
fn assign<'r>(
    signer: usize,
    actual: &[(&'r SignerFacts, BTreeSet<&'r str>)],
    taken: &mut Vec<(&'r str, usize)>,
    tried: &mut BTreeSet<&'r str>,
) -> bool {
    let Some((_, names)) = actual.get(signer) else { return false };
    for name in names {
        if !tried.insert(name) {
            continue;
        }
        let holder = taken.iter().position(|(taken, _)| taken == name);
        let free = match holder.and_then(|at| taken.get(at)).map(|(_, other)| *other) {
            None => true,
            Some(other) => assign(other, actual, taken, tried),
        };
        if free {
            // The holder may have moved, and with it the place in the list.
            taken.retain(|(taken, _)| taken != name);
            taken.push((name, signer));
            return true;
        }
    }
    false
}
