//! Segment files: their names, and those that are open.
//!
//! `0000000042.log` is the segment of generation 42. The segments of a log are numbered without a gap; the newest one
//! is written. `spare-0000000042` is a file that waits to become a segment.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use meridian_rt::disk::File;
use parking_lot::RwLock;

use super::record::Stamp;

/// A segment that may be read.
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) file: Box<dyn File>,
}

/// The open segments by generation; shared between the log's writer and all readers.
#[derive(Clone, Default)]
pub(super) struct Segments(Arc<RwLock<BTreeMap<u32, Arc<Segment>>>>);

impl Segments {
    pub(super) fn get(&self, generation: u32) -> Option<Arc<Segment>> {
        self.0.read().get(&generation).cloned()
    }

    pub(super) fn insert(&self, segment: Arc<Segment>) {
        self.0.write().insert(segment.stamp.generation, segment);
    }

    pub(super) fn remove(&self, generation: u32) -> Option<Arc<Segment>> {
        self.0.write().remove(&generation)
    }
}

pub(super) fn segment_path(directory: &Path, generation: u32) -> PathBuf {
    directory.join(format!("{generation:010}.log"))
}

pub(super) fn spare_path(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("spare-{number:010}"))
}

/// What a file in the log's directory is, by its name.
pub(super) enum Named {
    Segment(u32),
    Spare,
    Other,
}

pub(super) fn name(file: &str) -> Named {
    let number = |digits: &str| if digits.len() == 10 { digits.parse().ok() } else { None };
    if let Some(generation) = file.strip_suffix(".log").and_then(number) {
        return Named::Segment(generation);
    }
    match file.strip_prefix("spare-").and_then(number) {
        Some(_) => Named::Spare,
        None => Named::Other,
    }
}
