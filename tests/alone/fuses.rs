//! Whether Kubernetes ends access without us.
use super::{Bed, HOME, Task, becomes, installation, standings};
use curfew::decide::Fuses;
use curfew::decide::fuse_test::name;
use curfew::operate::fuse_test;
use k8s_openapi::api::{batch::v1::Job, core::v1::ConfigMap};
use kube::Api;

async fn nothing_is_left(bed: &Bed, lease: &str) -> bool {
    let name = name(&installation(lease));
    let fuse = Api::<Job>::namespaced(bed.admin.clone(), HOME).get_opt(&name).await.unwrap();
    let owned = Api::<ConfigMap>::namespaced(bed.admin.clone(), HOME).get_opt(&name).await.unwrap();
    fuse.is_none() && owned.is_none()
}

#[tokio::test]
async fn fuses_burn_and_leave_nothing_and_only_the_lease_holder_tries() {
    let bed = Bed::new().await;
    let standing = standings(false);
    let _task = Task::new(fuse_test::run(bed.cluster().await, installation("fuses"), standing.clone()));
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(standing.borrow().fuses, Fuses::Unknown);
    standing.send_modify(|s| s.lease_held = true);
    becomes(&standing, 30, |s| s.fuses == Fuses::Burn).await;
    assert!(nothing_is_left(&bed, "fuses").await);
}

#[tokio::test]
async fn without_the_controller_manager_it_is_said_and_what_was_left_is_cleared_by_the_next_test() {
    let bed = Bed::new().await;
    bed.connection.stop_controller_manager().await.unwrap();
    let cluster = bed.cluster().await;
    let said = fuse_test::test(&cluster, &installation("dead-fuses")).await.unwrap();
    assert!(matches!(&said, Fuses::DoNotBurn(words) if words.contains("job-controller")), "{said:?}");
    assert!(!nothing_is_left(&bed, "dead-fuses").await);
    bed.connection.start_controller_manager().await.unwrap();
    assert_eq!(fuse_test::test(&cluster, &installation("dead-fuses")).await.unwrap(), Fuses::Burn);
    assert!(nothing_is_left(&bed, "dead-fuses").await);
}
