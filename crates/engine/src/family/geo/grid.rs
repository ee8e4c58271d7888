//! The grid that places are put into: cells of longitude and latitude, whose numbers' bits alternate.
//!
//! A cell of step n is one of 4^n; a score is the number of a cell of step 26. Cells of a coarser step are ranges of
//! scores.

/// The largest longitude.
pub(super) const LONGITUDE_MAX: f64 = 180.0;
/// The largest latitude that the projection knows.
pub(super) const LATITUDE_MAX: f64 = 85.051_128_78;
/// The step of scores.
pub(super) const STEP_MAX: u32 = 26;
/// The earth's radius in metres, as Redis has it.
pub(super) const EARTH_RADIUS: f64 = 6_372_797.560_856;
/// Latitudes that a textbook geohash knows.
const LATITUDE_TEXTBOOK: f64 = 90.0;

/// A place in degrees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) longitude: f64,
    pub(super) latitude: f64,
}

/// A cell: which column and row of a grid of 2^step by 2^step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    column: u32,
    row: u32,
    step: u32,
}

/// The edges of a cell in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edges {
    pub(super) west: f64,
    pub(super) east: f64,
    pub(super) south: f64,
    pub(super) north: f64,
}

/// Spreads 32 bits to the even bits of 64.
fn spread(bits: u32) -> u64 {
    let mut bits = u64::from(bits);
    for (shift, mask) in [
        (16, 0x0000_FFFF_0000_FFFF),
        (8, 0x00FF_00FF_00FF_00FF),
        (4, 0x0F0F_0F0F_0F0F_0F0F),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        bits = (bits | bits << shift) & mask;
    }
    bits
}

/// Gathers the even bits.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & 0x5555_5555_5555_5555;
    for (shift, mask) in [
        (1, 0x3333_3333_3333_3333),
        (2, 0x0F0F_0F0F_0F0F_0F0F),
        (4, 0x00FF_00FF_00FF_00FF),
        (8, 0x0000_FFFF_0000_FFFF),
        (16, 0x0000_0000_FFFF_FFFF_u64),
    ] {
        bits = (bits | bits >> shift) & mask;
    }
    bits as u32
}

impl Cell {
    /// The cell that a place is in.
    pub(super) fn of(place: Place, step: u32) -> Cell {
        Cell::within(place, step, LATITUDE_MAX)
    }

    fn within(place: Place, step: u32, latitude_max: f64) -> Cell {
        let part = |degrees: f64, max: f64| ((degrees + max) / (max + max) * (1_u64 << step) as f64) as u32;
        Cell { column: part(place.longitude, LONGITUDE_MAX), row: part(place.latitude, latitude_max), step }
    }

    /// The cell of a score.
    fn of_score(score: f64) -> Cell {
        let bits = score as u64;
        Cell { column: gather(bits >> 1), row: gather(bits), step: STEP_MAX }
    }

    pub(super) fn number(self) -> u64 {
        spread(self.row) | spread(self.column) << 1
    }

    /// The scores inside: from the first up to, and without, the second.
    pub(super) fn scores(self) -> (f64, f64) {
        let shift = 2 * (STEP_MAX - self.step);
        ((self.number() << shift) as f64, ((self.number() + 1) << shift) as f64)
    }

    /// The cell so many columns to the east and rows to the north; the grid is a torus.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Cell {
        let mask = (1_u32 << self.step) - 1;
        Cell {
            column: self.column.wrapping_add_signed(east) & mask,
            row: self.row.wrapping_add_signed(north) & mask,
            step: self.step,
        }
    }

    pub(super) fn edges(self) -> Edges {
        let side = (1_u64 << self.step) as f64;
        let edge = |at: u32, max: f64| -max + (f64::from(at) / side) * (max + max);
        Edges {
            west: edge(self.column, LONGITUDE_MAX),
            // A score that is none of a place may stand for the last column of all.
            east: edge(self.column.wrapping_add(1), LONGITUDE_MAX),
            south: edge(self.row, LATITUDE_MAX),
            north: edge(self.row.wrapping_add(1), LATITUDE_MAX),
        }
    }
}

impl Place {
    /// The place that a score stands for: the middle of its cell.
    pub(super) fn of_score(score: f64) -> Place {
        let Edges { west, east, south, north } = Cell::of_score(score).edges();
        Place {
            longitude: ((west + east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((south + north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    pub(super) fn score(self) -> f64 {
        Cell::of(self, STEP_MAX).number() as f64
    }

    /// The geohash of textbooks, in which latitudes reach to the poles. Its last letter carries no bits.
    pub(super) fn text(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let number = Cell::within(self, STEP_MAX, LATITUDE_TEXTBOOK).number();
        let mut text = [b'0'; 11];
        for (at, letter) in text.iter_mut().take(10).enumerate() {
            *letter = LETTERS[(number >> (52 - (at + 1) * 5)) as usize & 0x1F];
        }
        text
    }

    /// The way over the sphere, in metres.
    pub(super) fn distance(self, other: Place) -> f64 {
        let radians = |degrees: f64| degrees * (std::f64::consts::PI / 180.0);
        let (from, to) = (radians(self.latitude), radians(other.latitude));
        let u = libm::sin((to - from) / 2.0);
        let v = libm::sin((radians(other.longitude) - radians(self.longitude)) / 2.0);
        // Not the platform's functions, which may differ in the last digit from one replica to the next.
        2.0 * EARTH_RADIUS * libm::asin((u * u + libm::cos(from) * libm::cos(to) * v * v).sqrt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_redis() {
        let palermo = Place { longitude: 13.361389, latitude: 38.115556 };
        let catania = Place { longitude: 15.087269, latitude: 37.502669 };
        assert_eq!(palermo.score(), 3_479_099_956_230_698.0);
        assert_eq!(catania.score(), 3_479_447_370_796_909.0);
        let (palermo, catania) = (Place::of_score(palermo.score()), Place::of_score(catania.score()));
        assert_eq!(&palermo.text(), b"sqc8b49rny0");
        assert_eq!(format!("{:.4}", palermo.distance(catania)), "166274.1516");
    }
}
