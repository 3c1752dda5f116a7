//! Figures of the real plotting libraries as displays. `scripts/setup-python` installs them.

use super::*;

const MODULE: &str = r#"
def matplotlib_figure(t):
    from matplotlib import pyplot
    figure, axes = pyplot.subplots()
    axes.bar(list(t["name"]), list(t["pid"]))
    axes.set_title("<script>alert(1)</script>")
    return figure

def matplotlib_and_table(t):
    from matplotlib.figure import Figure
    figure = Figure()
    figure.subplots().plot(range(3))
    t["x_drawn"] = True
    return t, figure

def plotly_figure(t):
    import plotly.graph_objects as go
    return go.Figure(data=[go.Bar(x=list(t["name"]), y=list(t["pid"]))])

def bokeh_figure(t):
    from bokeh.plotting import figure
    shown = figure(x_range=list(t["name"]), title="processes")
    shown.vbar(x=list(t["name"]), top=list(t["pid"]), width=0.8)
    return shown

def pandas_styler(t):
    class Table:
        def _repr_html_(self): return t[["name", "pid"]].to_html()
    return Table()
"#;

fn bench() -> Option<Bench> {
    let bench = Bench::new()?;
    fs::write(bench.folder.path().join("home/mod.py"), MODULE).expect("written");
    Some(bench)
}

/// Runs a function; none, with a message, if the library is not installed.
fn shown(bench: &Bench, function: &str) -> Option<Answer> {
    match bench.call(function, 1) {
        Ok(answer) => Some(answer),
        Err(AnalyticsError::Failed { reason, .. }) if reason.contains("misses dependent library") => {
            println!("skipped: {reason}; scripts/setup-python installs it");
            None
        }
        Err(error) => panic!("{function}: {error}"),
    }
}

#[test]
fn matplotlib_figures_become_svg() {
    let Some(bench) = bench() else { return };
    let Some(answer) = shown(&bench, "matplotlib_figure") else { return };
    let svg = html(&answer);
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{}", &svg[..200.min(svg.len())]);
    assert!(!svg.contains("<script>"));
    let answer = shown(&bench, "matplotlib_and_table").expect("installed, as was just seen");
    assert!(html(&answer).starts_with("<svg") && columns(&answer, 0, "x_").contains("x_drawn Boolean"));
}

#[test]
fn plotly_and_bokeh_figures_need_no_network() {
    let Some(bench) = bench() else { return };
    for (function, mark) in [("plotly_figure", "Plotly.newPlot"), ("bokeh_figure", "Bokeh")] {
        let Some(answer) = shown(&bench, function) else { continue };
        let page = html(&answer);
        assert!(page.contains(mark), "{function}");
        // The library is in the page: nothing is loaded when it is looked at.
        assert!(page.len() > 500_000, "{function}: {} bytes", page.len());
        assert!(!page.contains("<script src="), "{function}");
    }
}

#[test]
fn what_a_notebook_would_show_is_shown() {
    let Some(bench) = bench() else { return };
    let answer = bench.call("pandas_styler", 1).expect("it works");
    assert!(html(&answer).contains("<td>powershell.exe</td>"));
}
