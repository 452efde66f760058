//! Private messages that come while their user comes.

use shuttle::thread;

use crate::house::{House, letter, put_key};
use crate::{dawdle, explore};

/// What waited and what comes meanwhile reach a page that logs in once each and in order.
#[test]
fn log_in_while_letters_come() {
    explore(|| {
        let house = House::start();
        house.apply(vec![put_key(5)]);
        house.apply(vec![letter(5, "1")]);
        let writer = thread::spawn({
            let house = house.clone();
            move || {
                dawdle();
                house.apply(vec![letter(5, "2")]);
                house.apply(vec![letter(5, "3")]);
            }
        });
        let tab = house.claim(5);
        // The kernel takes what there is, as long as there is something.
        while tab.heard("letter").len() < 3 {
            tab.kernel_takes_all();
            thread::yield_now();
        }
        writer.join().unwrap();
        tab.kernel_takes_all();
        assert_eq!(tab.heard_numbers("letter"), [1, 2, 3]);
        while !house.mailbox(5).is_empty() {
            tab.kernel_takes_all();
            thread::yield_now();
        }
    });
}

/// A letter that one device has is kept for the other that still reads its way up to it.
#[test]
fn two_devices_log_in_while_a_letter_comes() {
    explore(|| {
        let house = House::start();
        house.apply(vec![put_key(5)]);
        house.apply(vec![letter(5, "1")]);
        let first = house.claim(5);
        let writer = thread::spawn({
            let house = house.clone();
            move || house.apply(vec![letter(5, "2")])
        });
        let second = house.claim(5);
        while !house.mailbox(5).is_empty() {
            first.kernel_takes_all();
            second.kernel_takes_all();
            thread::yield_now();
        }
        writer.join().unwrap();
        while first.heard("letter").len() < 2 {
            first.kernel_takes_all();
            thread::yield_now();
        }
        let heard = second.heard_numbers("letter");
        assert!([1, 2].ends_with(&heard[..]) || heard == [1, 2], "{heard:?}");
        assert_eq!(first.heard_numbers("letter"), [1, 2]);
    });
}
