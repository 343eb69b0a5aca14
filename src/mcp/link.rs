//! What a session needs from a transport.
//!
//! A transport carries whole messages. It knows nothing of requests, eras or lists, so another transport is another
//! implementation of these two traits and nothing else changes.

use std::future::Future;

use super::error::{Ending, Error};

/// A message on its way to the server.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// The method of a request or notification, `None` for a reply. HTTP repeats it in a header.
    pub method: Option<&'a str>,
    /// The message: one JSON object without line breaks.
    pub body: &'a str,
}

/// What came from the server.
#[derive(Debug)]
pub enum Received {
    /// One message, or over stdio possibly a line that is none.
    Message(Vec<u8>),
    /// Nothing more will come.
    Ended(Ending),
}

/// A connection to one server. Dropping it ends the server at once.
pub trait Link: Send {
    /// Sends a message. That the server has gone away is not an error here: [`Link::receive`] says so.
    fn send(&mut self, message: Outgoing<'_>) -> impl Future<Output = Result<(), Error>> + Send;

    /// Waits for the next message.
    fn receive(&mut self) -> impl Future<Output = Result<Received, Error>> + Send;

    /// Is told the protocol version, once, when it is agreed.
    fn agreed(&mut self, _version: &str) {}

    /// Says goodbye and waits a little; hands back what the server still had to say.
    fn finish(&mut self) -> impl Future<Output = Result<Vec<Vec<u8>>, Error>> + Send;

    /// Ends the connection after an error, without waiting for what may still come.
    fn abandon(&mut self) -> impl Future<Output = ()> + Send;
}

/// Makes connections to one server. Negotiation may need a second one.
pub trait Connector: Sync {
    /// The connections it makes.
    type Link: Link;

    /// Connects, and over stdio starts a fresh process.
    fn connect(&self) -> impl Future<Output = Result<Self::Link, Error>> + Send;
}
