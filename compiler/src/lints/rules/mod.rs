//! The rules, one file each, and the table of them.

mod address_of_other_family;
mod always_true_test;
mod backtracking_regex;
mod case_sensitive_value;
mod contradictory_pattern;
mod defanged_indicator;
mod disjoint_time_ranges;
mod filter_after_get;
mod find_without_source;
mod future_time_range;
mod hash_length;
mod implicit_source;
mod invisible_character;
mod like_without_wildcard;
mod limit_counts_records;
mod missing_header;
mod network_compared_as_text;
mod null_as_text;
mod number_compared_with_text;
mod number_out_of_range;
mod older_spelling;
mod overwritten_variable;
mod padded_value;
mod plain_http_source;
mod plain_regex;
mod private_address_source;
mod repeated_get;
mod repeated_list_value;
mod repeated_transformer;
mod save_outside_folder;
mod save_over_input;
mod secret_in_text;
mod self_comparison;
mod self_merge;
mod single_value_list;
mod text_compared_with_number;
mod unbounded_time_range;
mod unknown_entity_type;
mod unknown_pattern_attribute;
mod unknown_shown_attribute;
mod unordered_limit;
mod unpinned_container;
mod unselective_pattern;
mod unused_variable;
mod wide_time_range;
mod windows_name_case;

use super::Lint;

/// Every rule, in order of codes.
pub const ALL: &[Lint] = &[
    unused_variable::LINT,
    overwritten_variable::LINT,
    self_merge::LINT,
    repeated_transformer::LINT,
    self_comparison::LINT,
    unbounded_time_range::LINT,
    wide_time_range::LINT,
    future_time_range::LINT,
    disjoint_time_ranges::LINT,
    contradictory_pattern::LINT,
    always_true_test::LINT,
    unselective_pattern::LINT,
    case_sensitive_value::LINT,
    windows_name_case::LINT,
    unknown_pattern_attribute::LINT,
    number_compared_with_text::LINT,
    text_compared_with_number::LINT,
    null_as_text::LINT,
    like_without_wildcard::LINT,
    single_value_list::LINT,
    plain_regex::LINT,
    backtracking_regex::LINT,
    repeated_list_value::LINT,
    network_compared_as_text::LINT,
    address_of_other_family::LINT,
    hash_length::LINT,
    number_out_of_range::LINT,
    defanged_indicator::LINT,
    padded_value::LINT,
    plain_http_source::LINT,
    private_address_source::LINT,
    repeated_get::LINT,
    implicit_source::LINT,
    limit_counts_records::LINT,
    filter_after_get::LINT,
    find_without_source::LINT,
    unknown_entity_type::LINT,
    unknown_shown_attribute::LINT,
    unordered_limit::LINT,
    unpinned_container::LINT,
    save_outside_folder::LINT,
    save_over_input::LINT,
    older_spelling::LINT,
    missing_header::LINT,
    secret_in_text::LINT,
    invisible_character::LINT,
];
