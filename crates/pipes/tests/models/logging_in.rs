//! Who logs in while its key or token ends.

use pipes::Change;
use shuttle::thread;

use crate::explore;
use crate::house::{House, put_key, user};

/// Whoever is let in by a key that is being deleted is thrown out by the same statement.
#[test]
fn login_while_revoked() {
    explore(|| {
        let house = House::start();
        house.apply(vec![put_key(5)]);
        let removing = thread::spawn({
            let house = house.clone();
            move || house.apply(vec![Change::RemoveKey { user: user(5) }])
        });
        let tab = house.claim(5);
        removing.join().unwrap();
        let is_in = tab.connection.user.is_some();
        let is_out = tab.heard("closed") == ["key_deleted"];
        assert_eq!(is_in, is_out, "let in: {is_in}, thrown out: {is_out}");
    });
}

/// A key that is deleted and set again lets in, or throws out, whoever comes between.
#[test]
fn login_while_the_key_is_replaced() {
    explore(|| {
        let house = House::start();
        house.apply(vec![put_key(5)]);
        let replacing = thread::spawn({
            let house = house.clone();
            move || {
                house.apply(vec![Change::RemoveKey { user: user(5) }]);
                house.apply(vec![put_key(5)]);
            }
        });
        let early = house.claim(5);
        replacing.join().unwrap();
        let late = house.claim(5);
        assert!(late.connection.user.is_some());
        assert_eq!(late.heard("closed"), [""; 0]);
        // Early is in by the old key and out, in by the new one, or nobody.
        let closed = early.heard("closed").len();
        assert!(closed <= usize::from(early.connection.user.is_some()));
        [early, late].iter().for_each(crate::house::Tab::close);
        house.assert_empty();
    });
}
