//! A server that says anything: a session over it ends, and what is read of a list was sent, whole.
#![no_main]

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use mcptrust::json::{Limits as JsonLimits, Object, Value, parse};
use mcptrust::mcp::{Connector, Ending, Error, How, Limits, Link, Listing, Outgoing, Received, open};
use mcptrust::surface::Kind;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_time().build().expect("a runtime"));
}

/// Says the lines of the input, one after the other, whatever it is asked.
struct Lines<'a>(&'a [u8]);
struct Said<'a>(std::slice::Split<'a, u8, fn(&u8) -> bool>);

impl<'a> Connector for Lines<'a> {
    type Link = Said<'a>;

    async fn connect(&self) -> Result<Said<'a>, Error> {
        Ok(Said(self.0.split(|b| *b == b'\n')))
    }
}

impl Link for Said<'_> {
    async fn send(&mut self, message: Outgoing<'_>) -> Result<(), Error> {
        assert!(parse(message.body.as_bytes(), &JsonLimits::default()).is_ok(), "we sent {}", message.body);
        Ok(())
    }

    async fn receive(&mut self) -> Result<Received, Error> {
        Ok(match self.0.next() {
            Some(line) => Received::Message(line.to_vec()),
            None => Received::Ended(Ending { how: How::Closed, unfinished: false }),
        })
    }

    async fn finish(&mut self) -> Result<Vec<Vec<u8>>, Error> {
        Ok(self.0.by_ref().map(<[u8]>::to_vec).collect())
    }

    async fn abandon(&mut self) {}
}

fuzz_target!(|bytes: &[u8]| {
    let talk = async {
        let (mut session, hello) = open(&Lines(bytes), &Limits::default(), None, &|_| {}).await?;
        let mut read = vec![hello.result];
        for kind in Kind::ALL {
            let mut listing = Listing::new(kind);
            while let Some(page) = session.next_page(&mut listing).await? {
                assert!(!page.contains_key("nextCursor"));
                read.push(page);
            }
        }
        session.finish().await?;
        Ok::<_, Error>(read)
    };
    match RUNTIME.with_borrow(|runtime| runtime.block_on(talk)) {
        Ok(read) => read.iter().for_each(|result| assert!(sent(bytes, result), "nobody sent {result:?}")),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// Whether some line, or a member of a line that is a batch, has this result, its cursor apart.
fn sent(bytes: &[u8], result: &Object<'_>) -> bool {
    let is_it = |message: &Value<'_>| {
        message.get("result").and_then(Value::as_object).is_some_and(|whole| {
            let mut whole = whole.clone();
            whole.remove("nextCursor");
            whole == *result || message.get("result").and_then(Value::as_object) == Some(result)
        })
    };
    bytes.split(|b| *b == b'\n').filter_map(|line| parse(line, &JsonLimits::default()).ok()).any(|line| {
        is_it(&line) || line.as_array().is_some_and(|members| members.iter().any(is_it))
    })
}
