//! The plot: for each row of a table that has a bound, how far it is on the good side of it, on a scale of factors. One picture
//! for all, as every bar begins where the bound is. Plain SVG that reads on light and on dark ground.

use crate::figures::Bound;

const WIDTH: f64 = 900.0;
const LABELS: f64 = 310.0;
const FIGURES: f64 = 190.0;
const ROW: f64 = 26.0;
const HEAD: f64 = 56.0;
/// The scale reaches from a fourth of the bound to eight times it.
const WORST: f64 = -2.0;
const BEST: f64 = 3.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#57606a}\
    .met{fill:#2da44e}.missed{fill:#cf222e}.grid{stroke:#d0d7de}.bound{stroke:#57606a;stroke-width:1.5}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.met{fill:#3fb950}.missed{fill:#f85149}\
    .grid{stroke:#3d444d}.bound{stroke:#9198a1}}";

const GRID: [(f64, &str); 6] =
    [(-2.0, "÷ 4"), (-1.0, "÷ 2"), (0.0, "bound"), (1.0, "× 2"), (2.0, "× 4"), (3.0, "× 8")];

/// What a row says.
struct Bar<'a> {
    what: &'a str,
    reached: &'a str,
    bound: &'a str,
    margin: f64,
}

impl<'a> Bar<'a> {
    /// None of a row without a bound.
    fn of(row: &'a str) -> Option<Self> {
        let mut cells = row.strip_prefix("| ")?.split(" | ");
        let (what, reached, _, bounds) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        let bound = bounds.split(", aim ").next()?;
        let limit = match bound.strip_prefix("at least ") {
            Some(least) => Bound::AtLeast(number(least)?),
            None => Bound::AtMost(number(bound.strip_prefix("at most ")?)?),
        };
        let what = what.split("<br>").next()?;
        Some(Self { what, reached, bound, margin: limit.margin(number(reached)?) })
    }
}

/// The number that a text begins with.
fn number(text: &str) -> Option<f64> {
    let end = text.find(|letter: char| letter != '.' && !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

pub(super) fn draw<'a>(rows: impl Iterator<Item = &'a str>) -> String {
    let bars: Vec<_> = rows.filter_map(Bar::of).collect();
    let bottom = (0..).zip(&bars).last().map_or(HEAD, |(row, _)| top(row) + ROW);
    let height = bottom + 30.0;
    let grid = GRID.map(|(power, label)| grid_line(power, label, bottom)).concat();
    let bars = (0..).zip(&bars).map(|(row, bar)| drawn(row, bar)).collect::<String>();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>What was reached, to its bound</title>\n\
         <style>{STYLE}</style>\n<text x=\"0\" y=\"18\" font-weight=\"600\">What was reached, to its bound</text>\n\
         <text x=\"0\" y=\"36\" class=\"small\">Right of the line: better than the bound by that factor. \
         Left of it: worse. Bars end where the scale does.</text>\n{grid}{bars}</svg>\n"
    )
}

fn grid_line(power: f64, label: &str, bottom: f64) -> String {
    let (x, class) = (x(power), if label == "bound" { "bound" } else { "grid" });
    format!(
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{HEAD}\" y2=\"{bottom:.1}\" class=\"{class}\"/>\n\
         <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" class=\"small\">{label}</text>\n",
        bottom + 16.0
    )
}

fn drawn(row: u16, &Bar { what, reached, bound, margin }: &Bar<'_>) -> String {
    let (zero, end) = (x(0.0), x(margin.log2().clamp(WORST, BEST)));
    let class = if margin >= 1.0 { "met" } else { "missed" };
    let (y, baseline) = (top(row), top(row) + 14.0);
    format!(
        "<text x=\"{:.1}\" y=\"{baseline:.1}\" text-anchor=\"end\">{}</text>\n\
         <rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\" class=\"{class}\"/>\n\
         <text x=\"{:.1}\" y=\"{baseline:.1}\">{} <tspan class=\"small\">{}</tspan></text>\n",
        LABELS - 10.0,
        escaped(what),
        zero.min(end),
        (end - zero).abs().max(1.0),
        ROW - 8.0,
        WIDTH - FIGURES + 8.0,
        escaped(reached),
        escaped(bound),
    )
}

fn top(row: u16) -> f64 {
    HEAD + 4.0 + f64::from(row) * ROW
}

/// Where a power of two stands.
fn x(power: f64) -> f64 {
    LABELS + (power - WORST) / (BEST - WORST) * (WIDTH - LABELS - FIGURES)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
