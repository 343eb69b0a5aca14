//! The few pages that a browser sees. All that came in a request is escaped here.

use super::Wishes;

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\n\
         <body style=\"font-family: sans-serif; max-width: 40em; margin: 3em auto\">\n<h1>{title}</h1>\n{body}\n\
         <p><small>A local Sigstore, for development only. Nobody is authenticated, and nothing signed \
         through it proves anything.</small></p></body></html>\n"
    )
}

pub(super) fn index(issuers: &[String]) -> String {
    let list: String = issuers.iter().map(|url| format!("<li><code>{}</code></li>", escape(url))).collect();
    page("Local OIDC issuers", &format!("<ul>{list}</ul>"))
}

/// A form that asks who to log in as, and sends `hidden` along.
pub(super) fn log_in(action: &str, email: &str, hidden: &Wishes) -> String {
    let hidden: String = hidden
        .iter()
        .map(|(name, value)| {
            format!("<input type=\"hidden\" name=\"{}\" value=\"{}\">", escape(name), escape(value))
        })
        .collect();
    page(
        "Log in",
        &format!(
            "<form method=\"post\" action=\"{}\">{hidden}<label>E-mail address \
             <input name=\"email\" type=\"email\" required value=\"{}\"></label> <button>Log in</button></form>",
            escape(action),
            escape(email)
        ),
    )
}

/// A form for the code that a device shows.
pub(super) fn device(action: &str, user_code: &str, problem: Option<&str>) -> String {
    let problem = problem.map(|problem| format!("<p><strong>{}</strong></p>", escape(problem)));
    page(
        "Connect a device",
        &format!(
            "{}<form method=\"post\" action=\"{}\"><p><label>Code <input name=\"user_code\" required \
             value=\"{}\"></label></p><p><label>E-mail address <input name=\"email\" type=\"email\" required \
             value=\"dev@example.com\"></label></p><button>Connect</button></form>",
            problem.unwrap_or_default(),
            escape(action),
            escape(user_code)
        ),
    )
}

/// The code to carry over by hand.
pub(super) fn code(code: &str) -> String {
    page("Logged in", &format!("<p>Enter this code where you started:</p><pre>{}</pre>", escape(code)))
}

pub(super) fn done(text: &str) -> String {
    page("Done", &format!("<p>{}</p>", escape(text)))
}

pub(super) fn problem(text: &str) -> String {
    page("This does not work", &format!("<p>{}</p>", escape(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_request_brought_cannot_become_markup() {
        let evil = "\"><script>alert('&')</script>";
        let hidden = vec![(evil.to_owned(), evil.to_owned())];
        for page in [log_in(evil, evil, &hidden), device(evil, evil, Some(evil)), code(evil), problem(evil)] {
            assert!(!page.contains("<script"), "{page}");
            assert!(!page.contains("alert('"), "{page}");
        }
    }
}
