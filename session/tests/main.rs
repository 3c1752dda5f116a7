//! Tests of the session and of `kestrel-run`.
