//! What plans and lints know about analytics from the configuration.

use crate::cli::Shop;

const HUNT: &str = "p = NEW process [{\"name\": \"a.exe\"}]\n\
    APPLY python://score ON p WITH API_KEY='s3cret-value', LABEL='x', TOKEN=('ghp_0123456789abcdef', 'b')\n\
    APPLY docker://lookup ON p\n\
    APPLY docker://other ON p\n\
    APPLY python://unheard-of ON p\n\
    DISP p\n";

const CONFIG: &str = "[analytics.python.score]\nmodule = \"score.py\"\nfunc = \"f\"\ntimeout = \"90s\"\nmemory = \"2G\"\n\
    processes = 2000\nattributes = [\"x_score\", \"cluster\"]\n\
    [analytics.docker]\ncommand = \"podman\"\nruntime = \"runc\"\nulimits = [\"nofile=1024:1024\"]\n\
    [analytics.docker.images.lookup]\nnetwork = \"bridge\"\nmemory = \"4G\"\ntimeout = \"none\"\n\
    arguments = [\"--volume\", \"/srv/geoip:/geoip:ro\"]\n\
    image = \"quay.io/t/lookup@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n";

fn shop() -> Shop {
    Shop::new(&[("hunt.hf", HUNT), ("kestrel.toml", CONFIG), ("score.py", "def f(t):\n    return t\n")])
}

#[test]
fn plans_say_which_code_runs_and_what_it_may_use() {
    let shop = shop();
    insta::assert_snapshot!(shop.show(&["plan", "--identify", "hunt.hf"]));
    // Nothing but the configuration is read unless that is asked for.
    let plain = shop.show(&["plan", "hunt.hf"]);
    assert!(!plain.contains("blake3:") && plain.contains("lifted  network bridge"), "{plain}");
    let dot = shop.show(&["plan", "--format", "dot", "hunt.hf"]);
    assert!(!dot.contains("s3cret") && !dot.contains("ghp_0123"), "{dot}");
}

#[test]
fn changed_code_and_lifted_limits_are_changes_of_the_plan() {
    let shop = shop();
    let plan = |shop: &Shop| shop.show(&["plan", "--identify", "hunt.hf"]);
    let before = plan(&shop);
    assert_eq!(before, plan(&shop));
    shop.write("score.py", b"import os\ndef f(t):\n    return t\n");
    let after = plan(&shop);
    assert_ne!(before, after);
    shop.write("kestrel.toml", CONFIG.replace("\"bridge\"", "\"host\"").as_bytes());
    let lifted = plan(&shop);
    assert!(after.contains("lifted  network bridge") && lifted.contains("lifted  network host"), "{lifted}");
}

#[test]
fn a_plan_keeps_what_was_reviewed() {
    let shop = shop();
    let built = shop.show(&["build", "--identify", "hunt.hf", "-o", "hunt.kplan"]);
    assert!(built.starts_with("exit 0"), "{built}");
    let text = |name: &str| {
        shop.show(&["plan", "--identify", name])
            .lines()
            .filter(|line| line.starts_with("out:"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(text("hunt.kplan"), text("hunt.hf"));
}

#[test]
fn declared_attributes_are_known_to_later_steps() {
    let shop = shop();
    let hunt = |step: &str| {
        format!(
            "p = GET process FROM stixbundle://a.json WHERE name = 'a.exe'\n\
             APPLY python://score ON p\nq = p WHERE x_score > 3 AND cluster = 1\n{step}\n"
        )
    };
    let check = |step: &str| {
        shop.write("later.hf", hunt(step).as_bytes());
        let shown = shop.show(&["check", "--select", "W1206,W1309", "later.hf"]);
        shown
            .lines()
            .filter(|line| line.contains("W1") || line.contains("did you mean"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(check("DISP q ATTR name, x_score, cluster"), "");
    insta::assert_snapshot!(check("DISP q ATTR name, x_scor, clutser"));
    insta::assert_snapshot!(check("r = q WHERE x_scorre > 3\nDISP r ATTR name"));
    // Without a declaration an analytic may add anything.
    shop.write("kestrel.toml", CONFIG.replace("attributes = [\"x_score\", \"cluster\"]", "").as_bytes());
    assert_eq!(check("DISP q ATTR name, x_scor, clutser"), "");
}

#[test]
fn a_wrong_configuration_of_analytics_stops_no_check() {
    let shop = shop();
    shop.write("kestrel.toml", b"[analytics]\ntimeuot = \"1s\"\n");
    let shown = shop.show(&["plan", "hunt.hf"]);
    assert!(shown.starts_with("exit 0") && shown.contains("kestrelc: warning: the analytics in"), "{shown}");
    assert!(shown.contains("not fixed"), "{shown}");
}
