//! Curves as SVG, by hand: a few hundred bytes of shapes that follow the reader's light or dark
//! mode. Both axes are logarithmic; a point at 0 stands at the axis' beginning.

use std::fmt::Write;

/// The drawing's size and the plot's edges inside it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 600.0;
const TOP: f64 = 74.0;
const BOTTOM: f64 = 336.0;

/// How far apart names beside line ends have to be.
const NAME_HEIGHT: f64 = 18.0;

/// Colours that are told apart on white and on near-black alike, for each mode.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#1f2328}.title{font-size:15px;font-weight:600}\
.faint{fill:#59636e}.grid{stroke:#d1d9e0;stroke-width:1}\
.line{fill:none;stroke-width:2.5;stroke-linejoin:round}\
.c0{stroke:#0969da;fill:#0969da}.c1{stroke:#bc4c00;fill:#bc4c00}.c2{stroke:#1a7f37;fill:#1a7f37}\
.line.c0,.line.c1,.line.c2{fill:none}text.c0,text.c1,text.c2{stroke:none}\
.back{fill:#ffffff}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.faint{fill:#9198a1}.grid{stroke:#3d444d}\
.c0{stroke:#58a6ff;fill:#58a6ff}.c1{stroke:#f0883e;fill:#f0883e}.c2{stroke:#3fb950;fill:#3fb950}\
.back{fill:#0d1117}}";

/// A picture of one or more lines.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    /// Under the picture, and above its left edge.
    pub(super) axes: [String; 2],
    pub(super) lines: Vec<Line>,
}

/// One line: a name and its points from left to right.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

impl Chart {
    /// The whole file.
    pub(super) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let across = Axis::over(points().map(|point| point.0), LEFT, RIGHT);
        let up = Axis::over(points().map(|point| point.1), BOTTOM, TOP).with_whole_decades();
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             role=\"img\" aria-label=\"{title}\"><style>{STYLE}</style>\
             <rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\" rx=\"6\"/>\
             <text class=\"title\" x=\"20\" y=\"28\">{title}</text>\
             <text class=\"faint\" x=\"20\" y=\"48\">{up_name}</text>\
             <text class=\"faint\" x=\"{RIGHT}\" y=\"380\" text-anchor=\"end\">{across_name}</text>",
            title = escape(&self.title),
            across_name = escape(&self.axes[0]),
            up_name = escape(&self.axes[1]),
        );
        for value in up.marks() {
            let y = up.at(value);
            let _ = write!(
                out,
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{RIGHT}\" y2=\"{y:.1}\"/>\
                 <text class=\"faint\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 10.0,
                y + 4.0,
                short(value)
            );
        }
        for value in distinct(points().map(|point| point.0)) {
            let _ = write!(
                out,
                "<text class=\"faint\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                across.at(value),
                BOTTOM + 22.0,
                short(value)
            );
        }
        self.draw_lines(&across, &up, &mut out);
        out.push_str("</svg>\n");
        out
    }

    fn draw_lines(&self, across: &Axis, up: &Axis, out: &mut String) {
        let mut names: Vec<(f64, f64, usize, &str)> = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let colour = index % 3;
            let places: Vec<(f64, f64)> = line
                .points
                .iter()
                .map(|&(x, y)| (across.at(x), up.at(y)))
                .collect();
            let path: Vec<String> = places
                .iter()
                .map(|(x, y)| format!("{x:.1},{y:.1}"))
                .collect();
            let _ = write!(
                out,
                "<polyline class=\"line c{colour}\" points=\"{}\"/>",
                path.join(" ")
            );
            for ((x, y), (_, value)) in places.iter().zip(&line.points) {
                let _ = write!(
                    out,
                    "<circle class=\"c{colour}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"><title>{}</title></circle>",
                    short(*value)
                );
            }
            if let Some((x, y)) = places.last() {
                names.push((*y, *x, colour, &line.name));
            }
        }
        // The values of the first line, which is what the picture is about.
        for (x, value) in self.lines.first().into_iter().flat_map(|line| &line.points) {
            let _ = write!(
                out,
                "<text class=\"c0\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                across.at(*x),
                up.at(*value) - 10.0,
                short(*value)
            );
        }
        // Names that would lie on each other move down.
        names.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut lowest = f64::MIN;
        for (y, x, colour, name) in names {
            let y = y.max(lowest + NAME_HEIGHT);
            lowest = y;
            let _ = write!(
                out,
                "<text class=\"c{colour}\" x=\"{}\" y=\"{:.1}\">{}</text>",
                x + 14.0,
                y + 4.0,
                escape(name)
            );
        }
    }
}

/// A logarithmic axis between two places of the drawing.
#[derive(Clone, Copy, Debug)]
struct Axis {
    least: f64,
    most: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let positive = || values.clone().filter(|value| *value > 0.0);
        let least = positive().fold(f64::MAX, f64::min);
        let most = positive().fold(f64::MIN_POSITIVE, f64::max);
        let least = least.min(most);
        // Nothing stands left of the smallest number above nothing, so it makes room.
        let has_nothing = values.clone().any(|value| value <= 0.0);
        let least = if has_nothing { least / 10.0 } else { least };
        Self {
            least,
            most,
            from,
            to,
        }
    }

    fn with_whole_decades(mut self) -> Self {
        self.least = 10f64.powf(self.least.log10().floor());
        self.most = 10f64.powf(self.most.log10().ceil());
        if self.most <= self.least {
            self.most = self.least * 10.0;
        }
        self
    }

    fn at(&self, value: f64) -> f64 {
        if self.most <= self.least {
            return (self.from + self.to) / 2.0;
        }
        let part = (value.max(self.least) / self.least).ln() / (self.most / self.least).ln();
        self.from + (self.to - self.from) * part
    }

    /// The numbers at which the axis has a line: powers of ten, and where these are few also their
    /// double and fivefold.
    fn marks(&self) -> Vec<f64> {
        let first = self.least.log10().round() as i32;
        let last = self.most.log10().round() as i32;
        let steps: &[f64] = if last - first < 3 {
            &[1.0, 2.0, 5.0]
        } else {
            &[1.0]
        };
        (first..=last)
            .flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)))
            .filter(|mark| *mark <= self.most * 1.001)
            .collect()
    }
}

fn distinct(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

/// A number in as few characters as it needs.
fn short(value: f64) -> String {
    let (scaled, unit) = match value.abs() {
        1e6.. => (value / 1e6, " M"),
        1e4.. => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let decimals = match scaled.abs() {
        100.0.. => 0,
        1.0.. => 1,
        0.1.. => 2,
        _ => 3,
    };
    let text = format!("{scaled:.decimals$}");
    let text = match text.split_once('.') {
        Some((whole, fraction)) if fraction.chars().all(|digit| digit == '0') => whole,
        _ => &text,
    };
    format!("{text}{unit}")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chart(lines: Vec<Line>) -> Chart {
        Chart {
            title: "Speed, <fast> & \"slow\"".into(),
            axes: ["pipes".into(), "messages/s".into()],
            lines,
        }
    }

    /// Whether every element is closed in order and every text escaped.
    fn is_well_formed(svg: &str) -> bool {
        let mut open = Vec::new();
        let mut rest = svg.trim_end();
        while let Some(start) = rest.find('<') {
            let Some(end) = rest[start..].find('>') else {
                return false;
            };
            let tag = &rest[start + 1..start + end];
            let name = tag.trim_start_matches('/').split([' ', '/']).next();
            if !tag.matches('"').count().is_multiple_of(2) || tag.contains('<') {
                return false;
            }
            if let Some(closed) = tag.strip_prefix('/') {
                if open.pop() != Some(closed) {
                    return false;
                }
            } else if !tag.ends_with('/') {
                open.push(name.unwrap_or_default());
            }
            rest = &rest[start + end + 1..];
            let text = &rest[..rest.find('<').unwrap_or(rest.len())];
            let entities = ["&amp;", "&lt;", "&gt;", "&quot;"];
            let known: usize = entities.iter().map(|name| text.matches(name).count()).sum();
            if text.contains('>') || text.matches('&').count() != known {
                return false;
            }
        }
        open.is_empty() && rest.is_empty()
    }

    #[test]
    fn a_picture_names_its_axes_its_lines_and_its_points() {
        let svg = chart(vec![
            Line {
                name: "CometWire".into(),
                points: vec![(0.0, 10.0), (100.0, 2_500_000.0)],
            },
            Line {
                name: "limit".into(),
                points: vec![(0.0, 11.0), (100.0, 2_500_000.0)],
            },
        ])
        .svg();
        assert!(is_well_formed(&svg), "{svg}");
        for expected in ["CometWire", "limit", "pipes", "2.5 M", "&lt;fast&gt; &amp;"] {
            assert!(svg.contains(expected), "{expected}");
        }
        assert!(svg.contains("prefers-color-scheme:dark"));
        assert_eq!(svg.matches("<circle").count(), 4);
    }

    #[test]
    fn a_picture_of_nothing_is_a_picture() {
        assert!(is_well_formed(&chart(Vec::new()).svg()));
        let line = Line {
            name: "alone".into(),
            points: vec![(5.0, 5.0)],
        };
        let svg = chart(vec![line]).svg();
        assert!(is_well_formed(&svg) && !svg.contains("NaN"));
    }

    #[test]
    fn numbers_are_short() {
        for (value, expected) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (64.0, "64"),
            (1_024.0, "1024"),
            (10_000.0, "10 k"),
            (65_536.0, "65.5 k"),
            (3_110_000.0, "3.1 M"),
        ] {
            assert_eq!(short(value), expected);
        }
    }

    proptest! {
        #[test]
        fn every_point_is_inside_the_picture(
            points in proptest::collection::vec((0f64..1e6, 0f64..1e9), 1..20), name in ".{0,12}",
        ) {
            let svg = chart(vec![Line { name, points }]).svg();
            prop_assert!(is_well_formed(&svg), "{}", svg);
            prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
            for circle in svg.split("cx=\"").skip(1) {
                let x: f64 = circle.split('"').next().unwrap().parse().unwrap();
                prop_assert!((LEFT - 0.1..=RIGHT + 0.1).contains(&x));
            }
        }
    }
}
