//! `cargo +nightly fuzz run --features libfuzzer notebook`: see [`kestrel_fuzz::notebook`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kestrel_fuzz::notebook(data));
