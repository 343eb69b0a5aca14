//! What this program costs beside the work that cannot be avoided, as ratios taken in one run.
//!
//! `cargo bench --bench ratios` prints every ratio with its target; `-- quick` takes fewer rounds and smaller files.
//! `-- write N FILE` writes the lockfile that is measured, for measuring whole programs.
//! Times in pairs, one after the other, many rounds, and the median of the rounds' ratios: a slow moment of the
//! machine slows both. `docs/performance.md` holds the numbers.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mcptrust::lockfile::Lockfile;
use mcptrust::signing::keys::SigningKey;
use mcptrust::signing::rules::{Method, SignerRule};
use mcptrust::signing::verify::Options;
use mcptrust::signing::{Bundle, NamedBundle, Rules, Statement, verify};

mod lockfiles;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", count, path] => std::fs::write(path, lockfiles::bytes(count.parse().unwrap(), 0)).unwrap(),
        ["quick"] => run(1_000, 5, &[100, 1_000]),
        [] => run(10_000, 15, &[1_000, 10_000, 100_000]),
        _ => println!("arguments: none, quick, or write N FILE"),
    }
}

fn run(tools: usize, rounds: usize, sizes: &[usize]) {
    let before = lockfiles::bytes(tools, 0);
    let after = lockfiles::bytes(tools, tools / 100);
    println!("lockfiles of {tools} tools, {:.1} MB, {rounds} rounds", before.len() as f64 / 1e6);
    println!("{:<44} {:>10} {:>10} {:>7} {:>7}", "", "ours", "baseline", "ratio", "target");

    pair("parse / serde_json::Value", None, rounds, || drop(ours(&before)), || theirs(&before));
    pair(
        "parse and digest / serde_json::Value",
        None,
        rounds,
        || drop(black_box(ours(&before).digests())),
        || theirs(&before),
    );
    pair(
        "diff of two lockfiles / parsing both",
        Some(2.0),
        rounds,
        || assert!(diff(&before, &after) >= tools / 100),
        || {
            theirs(&before);
            theirs(&after);
        },
    );
    let key = SigningKey::generate().unwrap();
    let (bundle, rules) = signed(&before, &key);
    pair(
        "verify with a key / parsing the lockfile",
        Some(3.0),
        rounds,
        || verified(&before, &bundle, &rules),
        || theirs(&before),
    );

    println!("\nper tool, and against the smallest file (linear: 1.0)");
    let mut first = None;
    for &size in sizes {
        let before = lockfiles::bytes(size, 0);
        let after = lockfiles::bytes(size, size / 100);
        let repeat = (sizes[sizes.len() - 1] / size).clamp(1, 100);
        let each = |work: &dyn Fn()| {
            let mut times: Vec<Duration> =
                (0..3).map(|_| time(|| (0..repeat).for_each(|_| work()))).collect();
            times.sort();
            times[1].as_secs_f64() / (repeat * size) as f64 * 1e6
        };
        let digest = each(&|| drop(black_box(ours(&before).digests())));
        let diff = each(&|| assert!(diff(&before, &after) > 0));
        let (bundle, rules) = signed(&before, &key);
        let verify = each(&|| verified(&before, &bundle, &rules));
        let (digest0, diff0, verify0) = *first.get_or_insert((digest, diff, verify));
        println!(
            "{size:>7} tools: parse and digest {digest:>6.2} us ({:.2}), diff {diff:>6.2} us ({:.2}), \
             verify {verify:>6.2} us ({:.2})",
            digest / digest0,
            diff / diff0,
            verify / verify0
        );
    }
}

fn ours(bytes: &[u8]) -> Lockfile<'_> {
    black_box(Lockfile::parse(black_box(bytes)).unwrap())
}

fn theirs(bytes: &[u8]) {
    drop(black_box(serde_json::from_slice::<serde_json::Value>(black_box(bytes)).unwrap()));
}

/// A bundle for the lockfile, and rules that trust its key.
fn signed(lockfile: &[u8], key: &SigningKey) -> (Vec<u8>, Rules) {
    let statement = Statement::for_lockfile(lockfile, &ours(lockfile), 1, None);
    let public = key.public_key().unwrap();
    let bundle = Bundle::with_key(statement.sign(key).unwrap(), public.hint()).to_bytes();
    (bundle, Rules::new(1, None, vec![SignerRule::new("bench", Method::Key(public))]).unwrap())
}

fn verified(lockfile: &[u8], bundle: &[u8], rules: &Rules) {
    let bundles = [NamedBundle { name: "bundle", bytes: bundle }];
    let now = Timestamp::UNIX_EPOCH;
    let outcome = verify(black_box(lockfile), &bundles, rules, None, &Options::default(), now).unwrap();
    assert!(outcome.is_verified());
}

/// The number of findings.
fn diff(before: &[u8], after: &[u8]) -> usize {
    mcptrust::drift::compare(&ours(before), &ours(after)).len()
}

fn pair(title: &str, target: Option<f64>, rounds: usize, mut a: impl FnMut(), mut b: impl FnMut()) {
    let mut rows: Vec<(f64, Duration, Duration)> = (0..=rounds)
        .map(|_| {
            let (a, b) = (time(&mut a), time(&mut b));
            (a.as_secs_f64() / b.as_secs_f64(), a, b)
        })
        .skip(1) // the first round warms up
        .collect();
    rows.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (ratio, a, b) = rows[rows.len() / 2];
    let target = match target {
        Some(target) if ratio > target => format!("{target:>6.1}  MISSED"),
        Some(target) => format!("{target:>6.1}  met"),
        None => String::new(),
    };
    println!(
        "{title:<44} {:>7.1} ms {:>7.1} ms {ratio:>7.2} {target}",
        a.as_secs_f64() * 1e3,
        b.as_secs_f64() * 1e3
    );
}

fn time(work: impl FnOnce()) -> Duration {
    let since = Instant::now();
    work();
    since.elapsed()
}
