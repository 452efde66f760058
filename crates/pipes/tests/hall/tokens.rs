//! Tokens: who gets in with one, and what revoking one does to those inside and
//! to those at the door.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use pipes::message::UnixTime;
use pipes::name::DevId;
use pipes::token::TokenText;
use pipes::{Change, Effect};
use serde::Serialize;

use crate::support::{House, put_key, user};

#[derive(Serialize)]
struct Claims {
    user_id: i64,
    exp: u64,
}

/// A token of dev_id 0, whose key the house knows.
fn token(house: &House, user_id: i64, exp: u64) -> String {
    let key = house.hall.tenants().key(DevId::ROOT).unwrap().reveal();
    let secret = EncodingKey::from_secret(format!("{key}0").as_bytes());
    let claims = Claims { user_id, exp };
    encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap()
}

fn later() -> u64 {
    UnixTime::now().0 + 3600
}

fn revoke(token: &str) -> Change {
    let token = TokenText::new(token).unwrap();
    Change::RevokeToken { token }
}

#[tokio::test]
async fn a_token_lets_its_user_in_and_makes_no_key() {
    let house = House::start();
    let claim = |number, token| Some((user(number), token));
    let good = token(&house, 5, later());
    let tab = house
        .open(DevId::ROOT, claim(5, good.clone()))
        .await
        .unwrap();
    assert_eq!(tab.connection.user, Some(user(5)));
    assert!(house.hall.key(DevId::ROOT, user(5)).unwrap().is_none());
    let other = house.open(DevId::ROOT, claim(6, good)).await.unwrap();
    assert_eq!(other.connection.user, None);
    let ended = token(&house, 5, UnixTime::now().0 - 1);
    let ended = house.open(DevId::ROOT, claim(5, ended)).await.unwrap();
    assert_eq!(ended.connection.user, None);
}

#[tokio::test]
async fn revoking_a_valid_token_drops_all_connections_of_its_user_and_keeps_the_key() {
    let house = House::start();
    let good = token(&house, 5, later());
    let by_key = house.login(5).await;
    let claim = Some((user(5), good.clone()));
    let by_token = house.open(DevId::ROOT, claim.clone()).await.unwrap();
    let other = house.login(6).await;
    assert_eq!(house.apply_one(revoke(&good)).await, Effect::Done);
    for tab in [&by_key, &by_token] {
        assert_eq!(tab.lines(), ["hello 5", "closed token_revoked"]);
    }
    assert_eq!(other.lines(), ["hello 6"]);
    let again = house.open(DevId::ROOT, claim.clone()).await.unwrap();
    assert_eq!(again.lines(), ["hello 0"]);
    let with_key = house.claim(DevId::ROOT, 5).await.unwrap();
    assert_eq!(with_key.connection.user, Some(user(5)));
    let token = TokenText::new(&good).unwrap();
    let restored = house.apply_one(Change::RestoreToken { token }).await;
    assert_eq!(restored, Effect::Removed(1));
    let back = house.open(DevId::ROOT, claim).await.unwrap();
    assert_eq!(back.connection.user, Some(user(5)));
}

#[tokio::test]
async fn revoking_what_is_not_valid_now_drops_nobody() {
    let house = House::start();
    let tab = house.login(5).await;
    let ended = token(&house, 5, UnixTime::now().0 - 1);
    for text in ["", "0.123", ended.as_str()] {
        house.apply_one(revoke(text)).await;
    }
    assert_eq!(tab.lines(), ["hello 5"]);
}

#[tokio::test]
async fn a_login_whose_token_is_revoked_after_it_was_checked_is_not_let_in() {
    let house = House::start();
    house.apply_one(put_key(5)).await;
    let good = token(&house, 5, later());
    let (at_the_door, revoked) = (house.clone(), good.clone());
    house.store.after_key_read(move || {
        let revocation = at_the_door.apply(vec![revoke(&revoked)]);
        let runtime = tokio::runtime::Handle::current();
        runtime.block_on(revocation).unwrap();
    });
    let tab = house
        .open(DevId::ROOT, Some((user(5), good)))
        .await
        .unwrap();
    assert_eq!(tab.lines(), ["hello 0"]);
    assert!(!house.hall.is_online(DevId::ROOT, user(5)));
}
