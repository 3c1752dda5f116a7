//! "Did you mean": the nearest names by edit distance.

/// Returns up to three of `names` that look like `wanted`, nearest first.
///
/// A name is near when its Damerau–Levenshtein distance (case ignored) is at most a third
/// of the longer name, or when one contains the other (from three characters on). Names of more
/// than [`LONGEST`] bytes are near nothing: comparing takes time with the square of the length.
pub fn nearest<'n>(wanted: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    if wanted.len() > LONGEST {
        return Vec::new();
    }
    let lower = wanted.to_lowercase();
    let mut near: Vec<(usize, &str)> = names
        .into_iter()
        .filter(|name| name.len() <= LONGEST)
        .filter_map(|name| {
            let candidate = name.to_lowercase();
            let distance = strsim::damerau_levenshtein(&lower, &candidate);
            let longer = lower.chars().count().max(candidate.chars().count());
            let contains = lower.len() >= 3
                && candidate.len() >= 3
                && (candidate.contains(&lower) || lower.contains(&candidate));
            (distance <= longer.div_ceil(3) || contains).then_some((distance, name))
        })
        .collect();
    near.sort();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Longest name in bytes that is compared.
pub const LONGEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_names_come_first_and_far_ones_not_at_all() {
        assert_eq!(nearest("pss", ["ps", "conns", "p"]), ["ps"]);
        assert_eq!(nearest("comand_line", ["pid", "command_line", "name"]), ["command_line"]);
        assert!(nearest("colour", ["dst_port", "src_port"]).is_empty());
        let long = "v".repeat(1 << 20);
        assert!(nearest(&long, [long.as_str()]).is_empty() && nearest("v", [long.as_str()]).is_empty());
    }
}
