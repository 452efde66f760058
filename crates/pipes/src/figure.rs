//! Figures: what is counted or measured, each with the one name it has wherever
//! it is shown: in SHOW GLOBAL STATUS, in the tables of live state, on the metrics
//! page and in its documentation. Every part of the server has a list of its own.

/// One figure of a `T`.
#[derive(Debug)]
pub struct Figure<T> {
    /// Its name, in words joined by `_`.
    pub name: &'static str,
    /// How it moves.
    pub kind: FigureKind,
    /// What it is, as a line of documentation without a full stop.
    pub about: &'static str,
    /// How it is read.
    pub read: Read<T>,
}

/// How a figure moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FigureKind {
    /// It only grows, from 0 at the start.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// How a figure is read.
#[derive(Debug)]
pub enum Read<T> {
    /// It is one number.
    One(fn(&T) -> u64),
    /// It is a number for each of some things: what tells them apart, and each
    /// with its number.
    Each(&'static str, fn(&T) -> Vec<(String, u64)>),
}

impl<T> Figure<T> {
    /// A figure that only grows.
    pub const fn counter(name: &'static str, about: &'static str, read: fn(&T) -> u64) -> Self {
        Self {
            name,
            kind: FigureKind::Counter,
            about,
            read: Read::One(read),
        }
    }

    /// A figure that goes up and down.
    pub const fn gauge(name: &'static str, about: &'static str, read: fn(&T) -> u64) -> Self {
        Self {
            name,
            kind: FigureKind::Gauge,
            about,
            read: Read::One(read),
        }
    }

    /// The same with a number for each of the things that `label` tells apart.
    pub const fn each(
        name: &'static str,
        kind: FigureKind,
        about: &'static str,
        label: &'static str,
        read: fn(&T) -> Vec<(String, u64)>,
    ) -> Self {
        Self {
            name,
            kind,
            about,
            read: Read::Each(label, read),
        }
    }

    /// Its number; the sum for one of several numbers.
    pub fn value(&self, of: &T) -> u64 {
        match self.read {
            Read::One(read) => read(of),
            Read::Each(_, read) => read(of).iter().map(|(_, number)| number).sum(),
        }
    }
}
