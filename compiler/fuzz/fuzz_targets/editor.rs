//! `cargo +nightly fuzz run --features libfuzzer editor`: see [`kestrel_fuzz::editor`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kestrel_fuzz::editor(data));
