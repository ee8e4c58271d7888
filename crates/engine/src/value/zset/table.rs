//! Which members there are, by their keyed hashes: open addressing in which walking the cells is walking in the order
//! of hashes, as in the keyspace's own tables. So a cursor is a hash, and stays good whatever happens to the table.

use std::cmp::Ordering;

/// A hash, and the number of a member. A hash of 0 marks a vacant cell.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cell {
    pub(super) hash: u32,
    pub(super) id: u32,
}

/// See the module. A cell's home is monotone in its hash, no cell between a home and its cell is vacant, and the last
/// cell always is.
#[derive(Clone, Debug)]
pub(super) struct Table {
    cells: Vec<Cell>,
    homes: usize,
    len: usize,
}

const HOMES_MIN: usize = 16;

impl Default for Table {
    fn default() -> Table {
        Table { cells: vec![Cell::default(); HOMES_MIN + 1], homes: HOMES_MIN, len: 0 }
    }
}

impl Table {
    pub(super) fn heap_size(&self) -> usize {
        self.cells.capacity() * size_of::<Cell>()
    }

    fn home(&self, hash: u32) -> usize {
        ((u64::from(hash) * self.homes as u64) >> 32) as usize
    }

    /// The position of the member that `is_it` knows, or the position where it belongs.
    pub(super) fn locate(&self, hash: u32, is_it: impl Fn(u32) -> bool) -> Result<usize, usize> {
        let mut at = self.home(hash);
        loop {
            let cell = self.cells[at];
            match if cell.hash == 0 { Ordering::Greater } else { cell.hash.cmp(&hash) } {
                Ordering::Greater => return Err(at),
                Ordering::Equal if is_it(cell.id) => return Ok(at),
                Ordering::Equal | Ordering::Less => at += 1,
            }
        }
    }

    /// The member at a position.
    pub(super) fn at(&self, position: usize) -> u32 {
        self.cells[position].id
    }

    /// Gives the member at a position another number.
    pub(super) fn renumber(&mut self, position: usize, id: u32) {
        self.cells[position].id = id;
    }

    /// Puts a member in where [`Table::locate`] said that it belongs.
    pub(super) fn insert(&mut self, position: usize, cell: Cell) {
        let vacant =
            self.cells[position..].iter().position(|cell| cell.hash == 0).map_or(0, |run| position + run);
        self.cells.copy_within(position..vacant, position + 1);
        self.cells[position] = cell;
        self.len += 1;
        if vacant + 1 == self.cells.len() {
            self.cells.push(Cell::default());
        }
        if self.len > self.homes / 4 * 3 {
            self.rebuild(self.homes * 2);
        }
    }

    /// Takes out the member at a position.
    pub(super) fn remove(&mut self, position: usize) {
        let mut at = position + 1;
        while self.cells[at].hash != 0 && self.home(self.cells[at].hash) < at {
            self.cells[at - 1] = self.cells[at];
            at += 1;
        }
        self.cells[at - 1] = Cell::default();
        self.len -= 1;
        if self.homes > HOMES_MIN && self.len < self.homes / 8 {
            self.rebuild(self.homes / 2);
        }
    }

    fn rebuild(&mut self, homes: usize) {
        let old = std::mem::take(&mut self.cells);
        self.homes = homes;
        self.cells = vec![Cell::default(); homes + 1];
        let mut next = 0;
        for cell in old.into_iter().filter(|cell| cell.hash != 0) {
            let at = self.home(cell.hash).max(next);
            next = at + 1;
            if next >= self.cells.len() {
                self.cells.resize(next + 1, Cell::default());
            }
            self.cells[at] = cell;
        }
    }

    /// The members whose hash is at least `hash`, in the order of hashes.
    pub(super) fn iter_from(&self, hash: u32) -> impl Iterator<Item = Cell> {
        self.cells[self.home(hash)..].iter().copied().filter(move |cell| cell.hash != 0 && cell.hash >= hash)
    }
}
