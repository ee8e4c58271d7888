//! Figures against what must and should be reached, as a Markdown table.

use std::io::{Write, stdout};

use anyhow::{Context, Result};

use super::throughput::Pair;

/// What a figure must reach, and what it should.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    must: f64,
    want: f64,
    more_is_better: bool,
}

impl Goal {
    pub(super) const fn at_least(must: f64, want: f64) -> Goal {
        Goal { must, want, more_is_better: true }
    }

    pub(super) const fn at_most(must: f64, want: f64) -> Goal {
        Goal { must, want, more_is_better: false }
    }

    fn verdict(&self, figure: f64) -> &'static str {
        let reached = |goal: f64| if self.more_is_better { figure >= goal } else { figure <= goal };
        match (reached(self.want), reached(self.must)) {
            (true, _) => "want",
            (false, true) => "must",
            (false, false) => "**missed**",
        }
    }
}

/// A median with its extremes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    /// Of at least one figure.
    pub(super) fn of(mut figures: Vec<f64>) -> Spread {
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median = match figures.len() % 2 {
            0 => (figures[middle - 1] + figures[middle]) / 2.0,
            _ => figures[middle],
        };
        Spread { median, least: figures[0], most: figures[figures.len() - 1] }
    }
}

/// The rows so far.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<[String; 6]>,
}

impl Table {
    /// Adds a figure, and shows it at once: the rest may take a while.
    pub(super) fn add(&mut self, name: &str, goal: Goal, figure: Spread) {
        self.row(name, goal, figure, String::new());
    }

    /// Adds a figure with what has to be known about it.
    pub(super) fn noted(&mut self, name: &str, goal: Goal, figure: Spread, note: String) {
        self.row(name, goal, figure, note);
    }

    /// Adds how fast one server is against another where nothing is demanded.
    pub(super) fn comparison(&mut self, name: &str, pair: &Pair) {
        let ([ours, theirs], ratio) = (pair.rates(), pair.ratio());
        let measured = format!("{} ({}–{})", short(ratio.median), short(ratio.least), short(ratio.most));
        let note = format!("{ours:.0}/s against {theirs:.0}/s");
        eprintln!("bench: {name}: {measured} {note}");
        let none = || "–".to_owned();
        self.rows.push([name.to_owned(), measured, none(), none(), none(), note]);
    }

    /// Adds how fast one server is against another.
    pub(super) fn ratio(&mut self, name: &str, goal: Goal, pair: &Pair) {
        let [ours, theirs] = pair.rates();
        self.row(name, goal, pair.ratio(), format!("{ours:.0}/s against {theirs:.0}/s"));
    }

    fn row(&mut self, name: &str, goal: Goal, figure: Spread, note: String) {
        let measured = format!("{} ({}–{})", short(figure.median), short(figure.least), short(figure.most));
        let verdict = goal.verdict(figure.median).to_owned();
        eprintln!("bench: {name}: {measured}, {verdict} {note}");
        self.rows.push([name.to_owned(), measured, short(goal.must), short(goal.want), verdict, note]);
    }

    pub(super) fn markdown(&self) -> String {
        let head = ["", "measured: median (least–most)", "must", "want", "reached", ""].map(str::to_owned);
        let rule = ["---"; 6].map(str::to_owned);
        let line = |cells: &[String; 6]| format!("| {} |\n", cells.join(" | "));
        [&head, &rule].into_iter().chain(&self.rows).map(line).collect()
    }
}

/// Three digits.
fn short(figure: f64) -> String {
    match figure.abs() {
        ..10.0 => format!("{figure:.2}"),
        10.0..100.0 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

/// Writes data to standard output.
pub(super) fn print(text: &str) -> Result<()> {
    stdout().lock().write_all(text.as_bytes()).context("standard output")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_held_against_both_goals() {
        let more = Goal::at_least(0.25, 0.40);
        assert_eq!([0.1, 0.25, 0.5].map(|figure| more.verdict(figure)), ["**missed**", "must", "want"]);
        let less = Goal::at_most(8.0, 4.0);
        assert_eq!([9.0, 8.0, 1.0].map(|figure| less.verdict(figure)), ["**missed**", "must", "want"]);
    }

    #[test]
    fn the_median_of_an_even_count_is_between_the_middle_two() {
        assert_eq!(Spread::of(vec![4.0, 1.0, 2.0, 3.0]), Spread { median: 2.5, least: 1.0, most: 4.0 });
        assert_eq!(Spread::of(vec![7.0]).median, 7.0);
    }

    #[test]
    fn the_table_is_markdown() {
        let mut table = Table::default();
        table.add("x", Goal::at_most(36.0, 20.0), Spread::of(vec![30.0]));
        let text = table.markdown();
        assert!(text.ends_with("| x | 30.0 (30.0–30.0) | 36.0 | 20.0 | must |  |\n"), "{text}");
    }
}
