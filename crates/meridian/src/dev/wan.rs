//! Emulated distances between regions.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use meridian_rt::net::Dialer;

use crate::{config::Span, failure::Failure};

/// Round trips between the regions of this run, both ways round.
#[derive(Clone, Debug)]
pub(crate) struct Wan {
    round_trips: Arc<BTreeMap<(String, String), Duration>>,
}

/// Regions that everybody knows, by the names under which providers sell them.
const REGIONS: [(&str, &[&str]); 8] = [
    ("us-east", &["us-east-1", "us-east-2", "us-east1", "eastus", "iad1", "iad", "cle1"]),
    ("us-west", &["us-west-1", "us-west-2", "us-west1", "westus", "sfo1", "sfo", "pdx1"]),
    ("eu-west", &["eu-west-1", "eu-west-2", "europe-west1", "westeurope", "dub1", "dub", "lhr1"]),
    ("eu-central", &["eu-central-1", "europe-west3", "fra1", "fra"]),
    ("ap-southeast", &["ap-southeast-1", "asia-southeast1", "southeastasia", "sin1", "sin"]),
    ("ap-northeast", &["ap-northeast-1", "asia-northeast1", "japaneast", "hnd1", "nrt"]),
    ("ap-south", &["ap-south-1", "asia-south1", "bom1", "bom"]),
    ("sa-east", &["sa-east-1", "southamerica-east1", "gru1", "gru"]),
];

/// Usual round trips between them over the public clouds' own networks, in milliseconds: row and column as in
/// [`REGIONS`], below the diagonal.
const MILLISECONDS: [&[u64]; 8] = [
    &[],
    &[62],
    &[68, 130],
    &[90, 150, 25],
    &[215, 170, 175, 160],
    &[148, 107, 205, 225, 70],
    &[190, 225, 123, 113, 60, 125],
    &[113, 172, 178, 203, 325, 257, 300],
];

/// The round trip between two well-known regions.
fn well_known(one: &str, other: &str) -> Option<Duration> {
    let place =
        |name: &str| REGIONS.iter().position(|(region, aliases)| *region == name || aliases.contains(&name));
    let (one, other) = (place(one)?, place(other)?);
    match one == other {
        true => Some(Duration::ZERO),
        false => Some(Duration::from_millis(MILLISECONDS[one.max(other)][one.min(other)])),
    }
}

impl Wan {
    /// The table: empty for the well-known regions only, `a:b=80ms,…`, or the name of a TOML file.
    ///
    /// # Errors
    /// If it is neither, or lacks two of `regions`.
    pub(crate) fn parse(table: &str, regions: &[String]) -> Result<Wan, Failure> {
        let given = match table {
            "" => BTreeMap::new(),
            inline if inline.contains('=') => parse_inline(inline)?,
            file => read(Path::new(file))?,
        };
        let mut round_trips = BTreeMap::new();
        for one in regions {
            for other in regions {
                let pair = (one.clone(), other.clone());
                let flipped = (other.clone(), one.clone());
                let own = given.get(&pair).or_else(|| given.get(&flipped)).copied();
                let same = (one == other).then_some(Duration::ZERO);
                let Some(round_trip) = own.or(same).or_else(|| well_known(one, other)) else {
                    let names = REGIONS.map(|(region, _)| region).join(", ");
                    return Err(Failure::usage(format!(
                        "wan: the round trip between {one} and {other} is not known: give it as --wan {one}:{other}=80ms, \
                         or use {names}"
                    )));
                };
                round_trips.insert(pair, round_trip);
            }
        }
        Ok(Wan { round_trips: Arc::new(round_trips) })
    }

    /// The longest round trip.
    pub(crate) fn longest(&self) -> Duration {
        self.round_trips.values().copied().max().unwrap_or_default()
    }

    /// Reaches addresses as a process in `region` would; `regions` says where they are.
    pub(crate) fn dialer(&self, region: &str, regions: BTreeMap<String, String>) -> Dialer {
        let (round_trips, from) = (Arc::clone(&self.round_trips), region.to_owned());
        Dialer::emulating(Arc::new(move |address: &str| {
            let to = regions.get(address).unwrap_or(&from);
            round_trips.get(&(from.clone(), to.clone())).copied().unwrap_or_default()
        }))
    }
}

type Table = BTreeMap<(String, String), Duration>;

fn parse_inline(text: &str) -> Result<Table, Failure> {
    let wrong = |entry: &str| Failure::usage(format!("wan: {entry:?} is not like us-east:eu-west=80ms"));
    let pairs = text.split(',').map(|entry| entry.split_once('=').ok_or_else(|| wrong(entry)));
    pairs.map(|pair| pair.and_then(|(regions, span)| entry(regions, span))).collect()
}

fn entry(regions: &str, span: &str) -> Result<((String, String), Duration), Failure> {
    let pair = regions.split_once(':');
    let (one, other) =
        pair.ok_or_else(|| Failure::usage(format!("wan: {regions:?} is not like us-east:eu-west")))?;
    let span: Span = span.parse().map_err(|error| Failure::usage(format!("wan: {error}")))?;
    Ok(((one.trim().to_owned(), other.trim().to_owned()), span.0))
}

fn read(path: &Path) -> Result<Table, Failure> {
    let name = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| Failure::usage(format!("wan: {name}: {error}")))?;
    let table: BTreeMap<String, String> =
        toml::from_str(&text).map_err(|error| Failure::usage(format!("wan: {name}: {}", error.message())))?;
    table.iter().map(|(regions, span)| entry(regions, span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regions(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn well_known_regions_need_no_table() {
        let wan = Wan::parse("", &regions(&["us-east", "us-west-2", "fra1"])).unwrap();
        assert_eq!(wan.longest(), Duration::from_millis(150));
        assert_eq!(well_known("iad1", "us-east"), Some(Duration::ZERO));
        assert_eq!(well_known("sa-east", "ap-southeast"), Some(Duration::from_millis(325)));
        for (one, row) in MILLISECONDS.iter().enumerate() {
            assert_eq!(row.len(), one, "the table is a triangle");
        }
    }

    #[test]
    fn own_regions_need_their_round_trips() {
        let names = regions(&["here", "there"]);
        let line = Wan::parse("", &names).unwrap_err().to_string();
        assert!(line.contains("between here and there is not known"), "{line}");
        let wan = Wan::parse("there:here=30ms", &names).unwrap();
        assert_eq!(wan.longest(), Duration::from_millis(30));
        for bad in ["here:there=30", "here=30ms", "here:there=30ms,x", "/no/such/file"] {
            assert!(Wan::parse(bad, &names).is_err(), "{bad}");
        }
    }

    #[test]
    fn own_round_trips_count_over_the_well_known() {
        let wan = Wan::parse("us-east:eu-west=5ms", &regions(&["us-east", "eu-west"])).unwrap();
        assert_eq!(wan.longest(), Duration::from_millis(5));
    }
}
