//! `cargo +nightly fuzz run --features libfuzzer pattern`: see [`kestrel_fuzz::pattern`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kestrel_fuzz::pattern(data));
