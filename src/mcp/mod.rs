//! The Model Context Protocol: eras, messages, transports.
