//! `cargo +nightly fuzz run --features libfuzzer parse`: see [`kestrel_fuzz::parse`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kestrel_fuzz::parse(data));
