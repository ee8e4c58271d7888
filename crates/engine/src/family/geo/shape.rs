//! The area of a search, and the cells that cover it.

use std::f64::consts::PI;

use super::grid::{Cell, EARTH_RADIUS, Place, STEP_MAX};

/// Half of the equator, in metres, as the projection has it.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// What a search is for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Extent {
    Circle { radius: f64 },
    Box { width: f64, height: f64 },
}

/// An area around a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) center: Place,
    pub(super) extent: Extent,
    /// Metres in the unit of the extent.
    pub(super) unit: f64,
}

/// The corners of a box around a shape, in degrees.
#[derive(Debug)]
struct Bounds {
    west: f64,
    south: f64,
    east: f64,
    north: f64,
}

impl Shape {
    /// How far a place is from the center, if it is inside.
    pub(super) fn distance(&self, place: Place) -> Option<f64> {
        match self.extent {
            Extent::Circle { radius } => {
                let distance = self.center.distance(place);
                (distance <= radius * self.unit).then_some(distance)
            }
            Extent::Box { width, height } => {
                let east = place.distance(Place { longitude: self.center.longitude, ..place });
                let north = place.distance(Place { latitude: self.center.latitude, ..place });
                let outside = north > height * self.unit / 2.0 || east > width * self.unit / 2.0;
                (!outside).then(|| self.center.distance(place))
            }
        }
    }

    fn bounds(&self) -> Bounds {
        let Place { longitude, latitude } = self.center;
        let (width, height) = match self.extent {
            Extent::Circle { radius } => (radius, radius),
            Extent::Box { width, height } => (width / 2.0, height / 2.0),
        };
        let (width, height) = (self.unit * width, self.unit * height);
        let degrees = |radians: f64| radians / (PI / 180.0);
        let rows = degrees(height / EARTH_RADIUS);
        // Towards the pole a degree of longitude is shorter.
        let nearer_pole = if latitude < 0.0 { latitude - rows } else { latitude + rows };
        let columns = degrees(width / EARTH_RADIUS / libm::cos(nearer_pole * (PI / 180.0)));
        Bounds {
            west: longitude - columns,
            south: latitude - rows,
            east: longitude + columns,
            north: latitude + rows,
        }
    }

    /// The step at which a cell and its neighbours cover the area.
    fn step(&self) -> u32 {
        let mut metres = self.unit
            * match self.extent {
                Extent::Circle { radius } => radius,
                Extent::Box { width, height } => ((width / 2.0).powi(2) + (height / 2.0).powi(2)).sqrt(),
            };
        if metres == 0.0 {
            return STEP_MAX;
        }
        let mut step = 1;
        while metres < MERCATOR_MAX {
            metres *= 2.0;
            step += 1;
        }
        step -= 2;
        let latitude = self.center.latitude.abs();
        step -= i32::from(latitude > 66.0) + i32::from(latitude > 80.0);
        step.clamp(1, STEP_MAX as i32) as u32
    }

    /// The cells to look into, in the order in which Redis does: it shows in results that are not sorted.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let bounds = self.bounds();
        let mut step = self.step();
        let mut cell = Cell::of(self.center, step);
        let covers = |cell: Cell| {
            cell.neighbour(0, 1).edges().north >= bounds.north
                && cell.neighbour(0, -1).edges().south <= bounds.south
                && cell.neighbour(1, 0).edges().east >= bounds.east
                && cell.neighbour(-1, 0).edges().west <= bounds.west
        };
        if step > 1 && !covers(cell) {
            step -= 1;
            cell = Cell::of(self.center, step);
        }
        let edges = cell.edges();
        let needless = |east: i32, north: i32| {
            step >= 2
                && (north < 0 && edges.south < bounds.south
                    || north > 0 && edges.north > bounds.north
                    || east < 0 && edges.west < bounds.west
                    || east > 0 && edges.east > bounds.east)
        };
        let around = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let kept = around.into_iter().filter(|(east, north)| !needless(*east, *north));
        let mut cells: Vec<Cell> = Vec::new();
        for (east, north) in kept {
            let neighbour = cell.neighbour(east, north);
            // With few cells, neighbours are the same.
            if !cells.contains(&neighbour) {
                cells.push(neighbour);
            }
        }
        cells
    }
}
