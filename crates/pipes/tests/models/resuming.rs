//! Who comes back to a pipe with a history that moves on and is trimmed meanwhile.

use pipes::message::Position;
use pipes::resume::{BEGINNING, Step};
use shuttle::future::block_on;
use shuttle::thread;

use crate::explore;
use crate::house::{House, Tab, keep, pipe};

const MESSAGES: u64 = 4;
/// A history shorter than what is published, so that reading meets what is gone.
const LENGTH: u32 = 2;

/// What a page that comes back is sent of its past: offsets in the order in which they
/// came, and the last one it was told is gone for good.
fn resume(house: &House, tab: &Tab, from: Position) -> (Vec<u64>, u64) {
    let hall = &house.hall;
    hall.subscribe_also(&tab.connection, &[pipe("web_race")]);
    let reading = hall.begin_reading(&tab.connection, pipe("web_race"), Some(from));
    let mut reading = block_on(reading).unwrap();
    let (mut missed, mut gap) = (Vec::new(), 0);
    loop {
        match block_on(hall.read_on(&mut reading, 1)).unwrap() {
            Step::Gap(at) => {
                assert!(
                    missed.last().is_none_or(|last| *last <= at.offset),
                    "a gap behind"
                );
                gap = at.offset;
            }
            Step::Missed(piece) => missed.extend(piece.iter().map(|one| one.position.offset)),
            Step::Complete(_) => return (missed, gap),
        }
    }
}

/// What a page missed comes in order and once, or it is told of a gap; what it is neither
/// sent nor told is gone comes live.
#[test]
fn resume_while_trimming() {
    explore(|| {
        let house = House::start();
        house.apply(vec![keep("web_race", LENGTH)]);
        house.publish("web_race", "1");
        let publisher = thread::spawn({
            let house = house.clone();
            move || {
                for number in 2..=MESSAGES {
                    house.publish("web_race", &number.to_string());
                }
            }
        });
        let tab = house.anonymous();
        let (missed, gap) = resume(&house, &tab, BEGINNING);
        publisher.join().unwrap();
        let live = tab.heard_numbers("web_race");
        assert!(missed.is_sorted_by(|one, next| one < next), "{missed:?}");
        assert!(live.is_sorted_by(|one, next| one < next), "{live:?}");
        assert!(
            (1..=MESSAGES).collect::<Vec<_>>().ends_with(&live),
            "{live:?}"
        );
        for number in 1..=MESSAGES {
            let told = number <= gap || missed.contains(&number) || live.contains(&number);
            assert!(
                told,
                "{number} is neither in {missed:?}, {live:?} nor up to {gap}"
            );
        }
    });
}

/// A history that is removed and begun anew while it is read is a gap, never other
/// messages under the old numbers.
#[test]
fn resume_while_the_history_begins_anew() {
    explore(|| {
        let house = House::start();
        house.apply(vec![keep("web_race", 9)]);
        house.publish("web_race", "1");
        house.publish("web_race", "2");
        let reading = block_on({
            let hall = house.hall.clone();
            let tab = house.anonymous();
            async move {
                hall.begin_reading(&tab.connection, pipe("web_race"), None)
                    .await
            }
        });
        let Step::Complete(old) = block_on(house.hall.read_on(&mut reading.unwrap(), 1)).unwrap()
        else {
            panic!("a reading without a position is complete at once");
        };
        let from = Position { offset: 0, ..old };
        let replacing = thread::spawn({
            let house = house.clone();
            move || {
                let pipe = pipe("web_race");
                house.apply(vec![pipes::Change::RemoveSettings { pipe }]);
                house.apply(vec![keep("web_race", 9)]);
                house.publish("web_race", "11");
                house.publish("web_race", "12");
            }
        });
        let tab = house.anonymous();
        let hall = &house.hall;
        let reading = hall.begin_reading(&tab.connection, pipe("web_race"), Some(from));
        let mut reading = block_on(reading).unwrap();
        let (mut texts, mut told) = (Vec::new(), false);
        loop {
            match block_on(hall.read_on(&mut reading, 1)).unwrap() {
                Step::Gap(_) => told = true,
                Step::Missed(piece) => {
                    texts.extend(piece.iter().map(|one| one.message.payload.to_string()));
                }
                Step::Complete(end) => {
                    told |= end.epoch != old.epoch;
                    break;
                }
            }
        }
        replacing.join().unwrap();
        let others = texts.iter().any(|text| text.len() == 2);
        assert!(!others || told, "{texts:?} without a word");
        assert!(told || texts == ["1", "2"], "{texts:?} without a word");
    });
}
