//! Variables in configuration: `${NAME}` and `${NAME:-default}`.

/// Variables that are not set and have no default.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not set in the environment: {}", .0.join(", "))]
pub struct Unset(pub Vec<String>);

/// Replaces `${NAME}` and `${NAME:-default}` by what `lookup` returns. Any other `$` stands for itself.
///
/// A variable that is set but empty takes the default, as in a shell.
pub fn expand(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, Unset> {
    let mut out = String::with_capacity(text.len());
    let mut unset = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Variable { name, default } => {
                let value = lookup(name);
                match (value, default) {
                    (Some(value), None) => out.push_str(&value),
                    (Some(value), Some(_)) if !value.is_empty() => out.push_str(&value),
                    (_, Some(default)) => out.push_str(default),
                    (None, None) => unset.push(name.to_owned()),
                }
            }
        }
    }
    if unset.is_empty() { Ok(out) } else { Err(Unset(unset)) }
}

/// The names of the variables in a text.
pub fn variables(text: &str) -> Vec<&str> {
    let name = |piece| match piece {
        Piece::Variable { name, .. } => Some(name),
        Piece::Text(_) => None,
    };
    pieces(text).into_iter().filter_map(name).collect()
}

enum Piece<'a> {
    Text(&'a str),
    Variable { name: &'a str, default: Option<&'a str> },
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        let variable = behind.split_once('}').and_then(|(inner, after)| {
            let (name, default) = match inner.split_once(":-") {
                Some((name, default)) => (name, Some(default)),
                None => (inner, None),
            };
            is_name(name).then_some((Piece::Variable { name, default }, after))
        });
        match variable {
            Some((piece, after)) => {
                out.push(Piece::Text(before));
                out.push(piece);
                rest = after;
            }
            None => {
                let kept = text.len() - behind.len();
                out.push(Piece::Text(text.get(text.len() - rest.len()..kept).unwrap_or_default()));
                rest = behind;
            }
        }
    }
    out.push(Piece::Text(rest));
    out
}

fn is_name(name: &str) -> bool {
    let start = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    start && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
