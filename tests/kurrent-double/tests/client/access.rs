//! Who may do what, on a server that knows its users.

use eventstore::StreamState::{Any, NoStream};
use eventstore::{Acl, Error, EventData, StreamAclBuilder, StreamMetadataBuilder, SubscribeToAllOptions};
use kurrent_double::{Double, Settings, User};

use crate::support::{Streams, all, append, client_at, expecting, stream};

async fn guarded() -> Double {
    let user =
        |name: &str, is_admin| User { name: name.to_owned(), password: "changeit".to_owned(), is_admin };
    let users = vec![user("admin", true), user("stele", false), user("guest", false)];
    Double::with(Settings { users, ..Settings::default() }).await.unwrap()
}

fn named(double: &Double, name: &str, password: &str) -> Streams {
    client_at(&format!("esdb://{name}:{password}@127.0.0.1:{}?tls=false&discoveryInterval=10", double.port()))
}

#[tokio::test]
async fn who_has_no_name_or_a_wrong_password_is_denied() {
    let double = guarded().await;
    for client in [client_at(&double.url()), named(&double, "stele", "wrong"), named(&double, "nobody", "x")]
    {
        assert!(matches!(append(&client, "a", NoStream, [1]).await, Err(Error::AccessDenied)));
        assert!(matches!(stream(&client, "a").await, Err(Error::AccessDenied)));
    }
    append(&named(&double, "stele", "changeit"), "a", NoStream, [1]).await.unwrap();
}

#[tokio::test]
async fn all_is_for_administrators_until_its_list_says_more() {
    let double = guarded().await;
    let (admin, stele) = (named(&double, "admin", "changeit"), named(&double, "stele", "changeit"));
    append(&stele, "a", NoStream, [1]).await.unwrap();
    assert!(matches!(all(&stele).await, Err(Error::AccessDenied)));
    let mut subscription = stele.subscribe_to_all(&SubscribeToAllOptions::default()).await;
    assert!(matches!(subscription.next().await, Err(Error::AccessDenied)));
    let acl = Acl::Stream(StreamAclBuilder::new().add_read_roles("stele").add_read_roles("$admins").build());
    let metadata = StreamMetadataBuilder::new().acl(acl).build();
    admin.set_stream_metadata("$all", &Default::default(), &metadata).await.unwrap();
    assert_eq!(all(&stele).await.unwrap(), [1]);
    assert!(matches!(all(&named(&double, "guest", "changeit")).await, Err(Error::AccessDenied)));
}

#[tokio::test]
async fn a_stream_is_for_those_whom_its_list_names() {
    let double = guarded().await;
    let (stele, guest) = (named(&double, "stele", "changeit"), named(&double, "guest", "changeit"));
    let list = StreamAclBuilder::new()
        .add_read_roles("$all")
        .add_write_roles("stele")
        .add_delete_roles("stele")
        .add_meta_write_roles("stele");
    let metadata = StreamMetadataBuilder::new().acl(Acl::Stream(list.build())).build();
    stele.set_stream_metadata("a", &Default::default(), &metadata).await.unwrap();
    append(&stele, "a", NoStream, [1]).await.unwrap();
    assert_eq!(stream(&guest, "a").await.unwrap(), [1]);
    assert!(matches!(append(&guest, "a", Any, [2]).await, Err(Error::AccessDenied)));
    assert!(matches!(guest.delete_stream("a", &Default::default()).await, Err(Error::AccessDenied)));
    let described = guest.set_stream_metadata("a", &Default::default(), &metadata).await;
    assert!(matches!(described, Err(Error::AccessDenied)));
    let batch = guest.batch_append(&Default::default()).await.unwrap();
    let Err(Error::Grpc { code, .. }) = batch.append_to_stream("a", Any, vec![]).await else { panic!() };
    assert_eq!(i32::from(code), 7);
}

#[tokio::test]
async fn streams_without_a_list_of_their_own_are_for_those_whom_the_settings_name() {
    let double = guarded().await;
    let [admin, stele, guest] = ["admin", "stele", "guest"].map(|name| named(&double, name, "changeit"));
    append(&guest, "a", NoStream, [1]).await.unwrap();
    let list = StreamAclBuilder::new().add_write_roles("guest").build();
    let metadata = StreamMetadataBuilder::new().acl(Acl::Stream(list)).build();
    stele.set_stream_metadata("own", &Default::default(), &metadata).await.unwrap();
    let settings = serde_json::json!({"$userStreamAcl": {"$w": "stele", "$d": "$admins", "$mw": "$admins"}});
    let event = || EventData::json("update-default-acl", &settings).unwrap();
    for other in [&stele, &guest] {
        let denied = other.append_to_stream("$settings", &expecting(Any), event()).await;
        assert!(matches!(denied, Err(Error::AccessDenied)), "{denied:?}");
    }
    admin.append_to_stream("$settings", &expecting(Any), event()).await.unwrap();
    append(&stele, "a", Any, [2]).await.unwrap();
    assert!(matches!(append(&guest, "a", Any, [3]).await, Err(Error::AccessDenied)));
    assert!(matches!(append(&guest, "new", NoStream, [4]).await, Err(Error::AccessDenied)));
    assert!(matches!(stele.delete_stream("a", &Default::default()).await, Err(Error::AccessDenied)));
    let limited = stele.set_stream_metadata("a", &Default::default(), &metadata).await;
    assert!(matches!(limited, Err(Error::AccessDenied)));
    append(&guest, "own", NoStream, [5]).await.unwrap();
    assert!(matches!(append(&stele, "own", Any, [6]).await, Err(Error::AccessDenied)));
    assert_eq!(stream(&guest, "a").await.unwrap(), [1, 2]);
}
