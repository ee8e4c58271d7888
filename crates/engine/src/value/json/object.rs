//! The members of a JSON object: in the order in which they were added, found by name.
//!
//! Up to [`SCANNED_MAX`] members are searched one by one; larger objects keep the positions of their members sorted by
//! name beside them. No hashes: neither can a client make names collide, nor does anything depend on a seed.

use super::Json;

/// Objects of more members than this have an index.
const SCANNED_MAX: usize = 16;

/// A name with its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Member {
    pub(crate) name: Box<str>,
    pub(crate) value: Json,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    members: Vec<Member>,
    /// Positions in `members`, sorted by name; empty for a small object.
    index: Vec<u32>,
    /// Bytes of all names.
    name_bytes: usize,
}

impl Object {
    /// From members in order. Of those with one name the last value stays, in the place of the first.
    pub(crate) fn from_members(members: Vec<Member>) -> Object {
        let mut order: Vec<u32> = (0..members.len() as u32).collect();
        order.sort_by(|a, b| members[*a as usize].name.cmp(&members[*b as usize].name));
        let is_double =
            |pair: &[u32]| matches!(pair, [a, b] if members[*a as usize].name == members[*b as usize].name);
        if order.windows(2).any(is_double) {
            return Object::from_members(without_doubles(members, &order));
        }
        let index = if members.len() > SCANNED_MAX { order } else { Vec::new() };
        let name_bytes = members.iter().map(|member| member.name.len()).sum();
        Object { members, index, name_bytes }
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Member> + Clone {
        self.members.iter()
    }

    /// The member at a position in the order of addition.
    pub(crate) fn at(&self, position: usize) -> Option<&Member> {
        self.members.get(position)
    }

    pub(crate) fn at_mut(&mut self, position: usize) -> Option<&mut Json> {
        self.members.get_mut(position).map(|member| &mut member.value)
    }

    /// Where the member of that name stands.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        if self.index.is_empty() {
            return self.members.iter().position(|member| &*member.name == name);
        }
        self.rank(name).ok().map(|rank| self.index[rank] as usize)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.position(name).map(|position| &self.members[position].value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        let position = self.position(name)?;
        self.at_mut(position)
    }

    /// Adds a member, or replaces the value of the one that has the name.
    pub(crate) fn set(&mut self, name: &str, value: Json) {
        if let Some(old) = self.get_mut(name) {
            *old = value;
            return;
        }
        let position = self.members.len() as u32;
        if !self.index.is_empty()
            && let Err(rank) = self.rank(name)
        {
            self.index.insert(rank, position);
        }
        self.name_bytes += name.len();
        self.members.push(Member { name: name.into(), value });
        if self.index.is_empty() && self.members.len() > SCANNED_MAX {
            *self = Object::from_members(std::mem::take(&mut self.members));
        }
    }

    /// Takes the member at a position out; the others keep their order.
    pub(crate) fn remove(&mut self, position: usize) -> Option<Member> {
        if position >= self.members.len() {
            return None;
        }
        let member = self.members.remove(position);
        self.name_bytes -= member.name.len();
        self.index.retain(|at| *at as usize != position);
        for at in &mut self.index {
            if *at as usize > position {
                *at -= 1;
            }
        }
        if self.members.len() <= SCANNED_MAX {
            self.index = Vec::new();
        }
        Some(member)
    }

    /// Takes the members at positions, which rise, out.
    pub(crate) fn remove_each(&mut self, positions: &[u32]) -> Vec<Member> {
        if let [position] = positions {
            return self.remove(*position as usize).into_iter().collect();
        }
        let mut members = std::mem::take(&mut self.members);
        let removed = take_each(&mut members, positions);
        *self = Object::from_members(members);
        removed
    }

    pub(crate) fn clear(&mut self) {
        *self = Object::default();
    }

    /// Bytes of names and structure, without those of the values.
    pub(crate) fn own_size(&self) -> usize {
        let members = self.members.capacity() * size_of::<Member>();
        members + self.index.capacity() * size_of::<u32>() + self.name_bytes
    }

    fn rank(&self, name: &str) -> Result<usize, usize> {
        self.index.binary_search_by(|at| (*self.members[*at as usize].name).cmp(name))
    }
}

/// Takes the elements at positions, which rise, out.
pub(super) fn take_each<T>(elements: &mut Vec<T>, positions: &[u32]) -> Vec<T> {
    let mut gone = positions.iter().map(|position| *position as usize).peekable();
    let mut index = 0;
    let is_gone = |_: &mut T| {
        index += 1;
        gone.next_if_eq(&(index - 1)).is_some()
    };
    elements.extract_if(.., is_gone).collect()
}

/// Objects are equal if they have the same members in whatever order.
impl PartialEq for Object {
    fn eq(&self, other: &Object) -> bool {
        self.len() == other.len() && self.iter().all(|member| other.get(&member.name) == Some(&member.value))
    }
}

/// Drops all but the last of each name and moves it to the place of the first. `order` sorts the members by name, and
/// those of one name by position.
fn without_doubles(members: Vec<Member>, order: &[u32]) -> Vec<Member> {
    let mut source: Vec<Option<u32>> = vec![None; members.len()];
    let mut rest = order;
    while let Some((first, _)) = rest.split_first() {
        let name = &members[*first as usize].name;
        let length = rest.iter().take_while(|at| members[**at as usize].name == *name).count();
        source[*first as usize] = Some(rest[length - 1]);
        rest = &rest[length..];
    }
    let mut members: Vec<Option<Member>> = members.into_iter().map(Some).collect();
    source.into_iter().flatten().filter_map(|at| members[at as usize].take()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(object: &Object) -> Vec<String> {
        object.iter().map(|member| member.name.to_string()).collect()
    }

    #[test]
    fn the_last_of_equal_names_stays_in_the_place_of_the_first() {
        let member = |name: &str, value| Member { name: name.into(), value: Json::Int(value) };
        let object =
            Object::from_members(vec![member("b", 1), member("a", 2), member("b", 3), member("b", 4)]);
        assert_eq!(names(&object), ["b", "a"]);
        assert_eq!(object.get("b"), Some(&Json::Int(4)));
    }

    proptest! {
        #[test]
        fn it_is_a_list_of_pairs(steps in prop::collection::vec((0_u8..40, any::<bool>()), 0..200)) {
            let mut object = Object::default();
            let mut model: Vec<(String, i64)> = Vec::new();
            for (round, (number, add)) in steps.into_iter().enumerate() {
                let name = format!("n{number}");
                let at = model.iter().position(|(known, _)| *known == name);
                prop_assert_eq!(object.position(&name), at);
                match (add, at) {
                    (true, Some(at)) => model[at].1 = round as i64,
                    (true, None) => model.push((name.clone(), round as i64)),
                    (false, Some(at)) => drop(model.remove(at)),
                    (false, None) => {}
                }
                if add {
                    object.set(&name, Json::Int(round as i64));
                } else if let Some(at) = at {
                    object.remove(at);
                }
                prop_assert_eq!(object.len(), model.len());
            }
            for (name, value) in &model {
                prop_assert_eq!(object.get(name), Some(&Json::Int(*value)));
            }
            prop_assert_eq!(names(&object), model.into_iter().map(|(name, _)| name).collect::<Vec<_>>());
        }
    }
}
