//! Capture: a live server in, a surface out, within limits.
