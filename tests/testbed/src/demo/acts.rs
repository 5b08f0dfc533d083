//! The steps, in order: who does what, why, and what it must show.

use anyhow::Result;

use super::{
    record,
    shell::{Said, Shell},
    stage::{Stage, look_up},
};

/// Long enough to look at the access, short enough to wait for its end.
const SHORT: &str = "8s";
/// What the approver of the demo gives as the reason.
const COMMENT: &str = "One customer, read only, tied to a case.";
/// What the placeholder of a command in `status.waitingFor` reads.
const PLACEHOLDER: &str = "SAY WHY";

/// Plays all steps.
pub async fn all(stage: &mut Stage) -> Result<()> {
    install(stage).await?;
    policy(stage).await?;
    let first = stage.example.request.clone();
    ask(stage, &first).await?;
    forge(stage, &first).await?;
    approve_and_expire(stage, &first).await?;
    close_early(stage).await?;
    let third = outlive(stage).await?;
    look_back(stage, &first, &third).await
}

async fn install(stage: &mut Stage) -> Result<()> {
    let (page, admin) = (stage.page, stage.admin.clone());
    page.title("Install")?;
    page.say("An administrator installs the chart and says which groups may use Curfew.")?;
    let groups = stage.example.askers.iter().chain(&stage.example.approvers);
    let users: Vec<String> = groups.map(|name| format!(r#"{{"kind":"Group","name":"{name}"}}"#)).collect();
    let users = users.join(",");
    let command = format!(
        "helm install curfew charts/curfew --namespace curfew --create-namespace \\\n    --set-json 'users=[{users}]'"
    );
    admin.types(&command).await?.works()?.says("STATUS: deployed")?;
    stage.rules_hold().await?;
    page.say(
        "There are no nodes here, so the operator runs as a process: with the flags of the chart's Deployment, as its",
    )?;
    page.more("ServiceAccount (by a token bound to a Pod), with the RBAC of the chart and nothing else.")?;
    let command = stage.prepares_operator().await?;
    page.command("curfew", &format!("{command} &"))?;
    stage.starts_operator()
}

async fn policy(stage: &Stage) -> Result<()> {
    let (page, admin, example) = (stage.page, &stage.admin, &stage.example);
    let (namespace, policy) = (&example.namespace, &example.policy);
    page.title("A policy: who may ask, who must agree, for how long")?;
    page.say(
        "Access is given in one namespace at a time. This one is production; Curfew's labels are for administrators.",
    )?;
    admin.types(&format!("kubectl create namespace {namespace}")).await?.works()?;
    admin.types(&format!("kubectl label namespace {namespace} {}", example.labels)).await?.works()?;
    admin
        .types(&format!("kubectl -n {namespace} run invoicer --image=registry.example.com/invoicer:4"))
        .await?
        .works()?;
    page.say("The policy: engineers may ask, with a ticket; one of the service owners must agree.")?;
    admin.types(&format!("kubectl apply -f {}", example.policy_file)).await?.works()?;
    admin.types(&format!("kubectl wait --for=condition=Ready accesspolicy/{policy} --timeout=60s")).await?.works()?;
    admin.types("kubectl get accesspolicies").await?.works()?.says(policy)?;
    Ok(())
}

async fn ask(stage: &Stage, name: &str) -> Result<()> {
    let (page, alice, example) = (stage.page, &stage.alice, &stage.example);
    let (namespace, policy, ticket, reason) = (&example.namespace, &example.policy, &example.ticket, &example.reason);
    page.title("alice asks")?;
    page.say("alice, an engineer, has no access to production.")?;
    stays_out(stage).await?;
    page.say(&format!(
        "She files a request: for what, for which case, for how long. {SHORT}, so that you see the end of it."
    ))?;
    let manifest = format!(
        "kubectl apply -f - <<EOF\napiVersion: curfew.dev/v1alpha1\nkind: AccessRequest\nmetadata: {{name: {name}, namespace: \
         {namespace}}}\nspec:\n  policy: {policy}\n  ticket: {ticket}\n  reason: {reason}\n  duration: {SHORT}\nEOF"
    );
    alice.types(&manifest).await?.works()?;
    screened(alice, namespace, name).await?;
    alice.types(&format!("kubectl -n {namespace} get accessrequests")).await?.works()?.says("alice")?;
    page.say("Asking gives nothing.")?;
    stays_out(stage).await
}

/// alice may not look at pods, and is refused when she does.
async fn stays_out(stage: &Stage) -> Result<()> {
    let (alice, namespace) = (&stage.alice, &stage.example.namespace);
    alice.types(&format!("kubectl -n {namespace} auth can-i list pods")).await?.fails_with("no")?;
    alice.types(&format!("kubectl -n {namespace} get pods")).await?.fails_with("forbidden")?;
    Ok(())
}

/// alice may look at pods, and does.
async fn is_in(stage: &Stage) -> Result<()> {
    let (alice, namespace) = (&stage.alice, &stage.example.namespace);
    alice.types(&format!("kubectl -n {namespace} auth can-i list pods")).await?.works()?.says("yes")?;
    alice.types(&format!("kubectl -n {namespace} get pods")).await?.works()?.says("invoicer")?;
    Ok(())
}

async fn forge(stage: &Stage, name: &str) -> Result<()> {
    let page = stage.page;
    let namespace = &stage.example.namespace;
    page.title("Nobody else can say yes")?;
    page.say("The request says who must agree, and with which command.")?;
    let command = stage.alice.types(&look_up(namespace, name)).await?.works()?.says(PLACEHOLDER)?;
    page.say("alice agrees to her own request.")?;
    let own = filled(command.text(), "Please, it is urgent.");
    stage.alice.types(&own).await?.fails_with("nobody decides their own request")?;
    page.say("erin, another engineer, agrees.")?;
    let strange = filled(command.text(), "Looks fine to me.");
    stage.erin.types(&strange).await?.fails_with("you are not among those this request waits for")?;
    page.say("erin writes it in bob's name.")?;
    let forged = forged_by(stage, name).await?;
    let answer = "a decision is written by the person who makes it";
    stage.erin.types(&forged).await?.fails_with(answer)?;
    page.say("So does the administrator, a member of system:masters.")?;
    stage.admin.types(&forged).await?.fails_with(answer)?;
    page.say(
        "It is the API server itself that refuses, also while Curfew is down: there is no webhook that could be.",
    )?;
    let webhooks = "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations";
    stage.admin.types(webhooks).await?.works()?.says("No resources found")?;
    Ok(())
}

fn filled(command: &str, comment: &str) -> String {
    command.replace(PLACEHOLDER, comment)
}

async fn forged_by(stage: &Stage, name: &str) -> Result<String> {
    let (namespace, step) = (&stage.example.namespace, &stage.example.step);
    let path = "{.status.revision}";
    let read = format!("kubectl -n {namespace} get accessrequest {name} -o jsonpath='{path}'");
    let revision = stage.admin.runs(&read).await?.works()?;
    let group = stage.example.approvers.first().map(String::as_str).unwrap_or("bob");
    Ok(format!(
        r#"kubectl -n {namespace} patch accessrequest {name} --subresource=status --type=json -p '[{{"op":"add","path":"/status/approvals/-","value":{{"by":"bob","as":"{group}","step":"{step}","decision":"Approve","revision":"{}","comment":"bob said yes on the phone."}}}}]'"#,
        revision.text()
    ))
}

async fn approve_and_expire(stage: &Stage, name: &str) -> Result<()> {
    let (page, alice, namespace) = (stage.page, &stage.alice, &stage.example.namespace);
    page.title("bob agrees, and access begins")?;
    page.say("bob, a service owner, pastes the same command and says why.")?;
    approve(stage, name).await?;
    active(alice, namespace, name).await?;
    page.say("alice is in.")?;
    is_in(stage).await?;
    page.title("Time is up, and access ends")?;
    page.say("Nobody does anything.")?;
    ended(alice, namespace, name).await?;
    stays_out(stage).await
}

async fn approve(stage: &Stage, name: &str) -> Result<()> {
    let namespace = &stage.example.namespace;
    let command = stage.bob.runs(&look_up(namespace, name)).await?.works()?;
    stage.bob.types(&filled(command.text(), COMMENT)).await?.works()?.says("patched")?;
    Ok(())
}

async fn screened(who: &Shell, namespace: &str, name: &str) -> Result<Said> {
    until(who, namespace, name, "condition=Screened").await
}

async fn active(who: &Shell, namespace: &str, name: &str) -> Result<Said> {
    until(who, namespace, name, "condition=Active").await
}

async fn ended(who: &Shell, namespace: &str, name: &str) -> Result<Said> {
    until(who, namespace, name, "condition=Active=false").await
}

async fn until(who: &Shell, namespace: &str, name: &str, what: &str) -> Result<Said> {
    let command = format!("kubectl -n {namespace} wait --for={what} accessrequest/{name} --timeout=30s");
    who.types(&command).await?.works()
}

async fn close_early(stage: &Stage) -> Result<()> {
    let (page, alice, example) = (stage.page, &stage.alice, &stage.example);
    let namespace = &example.namespace;
    page.title("Done early: alice gives it back")?;
    page.say("Another case, this time for as long as the policy says.")?;
    let (sed, name) = example.another(1);
    alice.types(&format!("sed '{sed}' {} | kubectl apply -f -", example.request_file)).await?.works()?;
    screened(alice, namespace, &name).await?;
    approve(stage, &name).await?;
    active(alice, namespace, &name).await?;
    is_in(stage).await?;
    page.say(
        "She has found what she was looking for. (bob could end it too, and so could any holder of curfew-responder.)",
    )?;
    let close = r#"{"status":{"close":{"by":"alice","reason":"Found it: a rounding error."}}}"#;
    let command =
        format!("kubectl -n {namespace} patch accessrequest {name} --subresource=status --type=merge -p '{close}'");
    alice.types(&command).await?.works()?;
    ended(alice, namespace, &name).await?;
    stays_out(stage).await
}

async fn outlive(stage: &mut Stage) -> Result<String> {
    let (page, alice, admin) = (stage.page, stage.alice.clone(), stage.admin.clone());
    let namespace = stage.example.namespace.clone();
    page.title("Curfew dies, and access ends all the same")?;
    page.say(&format!("A third case, for {SHORT}."))?;
    let (sed, name) = stage.example.another(2);
    let file = &stage.example.request_file;
    alice.types(&format!("(sed '{sed}' {file}; echo '  duration: {SHORT}') | kubectl apply -f -")).await?.works()?;
    screened(&alice, &namespace, &name).await?;
    approve(stage, &name).await?;
    active(&alice, &namespace, &name).await?;
    page.say("The access is one RoleBinding. It belongs to a Job without Pods, which Kubernetes itself deletes in time: the fuse.")?;
    let children = format!("kubectl -n {namespace} get rolebindings,jobs -l curfew.dev/request={name}");
    admin.types(&children).await?.works()?.says("rolebinding")?;
    page.say("The operator is killed, and nothing starts it again.")?;
    let pid = stage.operator_pid()?;
    admin.types(&format!("kill -9 {pid}")).await?.works()?;
    stage.operator_is_dead()?;
    alice.types(&format!("kubectl -n {namespace} get pods")).await?.works()?.says("invoicer")?;
    page.say("Its end comes from Kubernetes: the Job's TTL, then the garbage collector.")?;
    let command =
        format!("kubectl -n {namespace} wait --for=delete rolebindings -l curfew.dev/request={name} --timeout=30s");
    admin.types(&command).await?.works()?;
    stays_out(stage).await?;
    Ok(name)
}

async fn look_back(stage: &mut Stage, first: &str, third: &str) -> Result<()> {
    let (page, admin, namespace) = (stage.page, stage.admin.clone(), stage.example.namespace.clone());
    page.title("What is on record")?;
    page.say("The operator comes back, and writes down how the third one ended.")?;
    page.command("curfew", "curfew run … &")?;
    stage.starts_operator()?;
    ended(&admin, &namespace, third).await?;
    page.say("Every request, and the record of every decision.")?;
    admin.types("kubectl get accessrequests,accessgrants --all-namespaces").await?.works()?.says("Closed")?;
    page.say("The first record. It outlives the request, the policy and the namespace. (… is where this page cuts.)")?;
    let read = format!("kubectl -n {namespace} get accessrequest {first} -o jsonpath='{{.status.grant}}'");
    let grant = admin.runs(&read).await?.works()?;
    let command = format!("kubectl get accessgrant {} -o yaml", grant.text());
    let shown = admin.types_and_shortens(&command, record::shortened).await?.works()?;
    shown.says("endReason: Expired")?.says("type: RemovalVerified")?.says(COMMENT)?;
    page.say("The same as Events of its request.")?;
    let command = format!("kubectl -n {namespace} events --for accessrequest/{first}");
    admin.types(&command).await?.works()?.says("Expired")?;
    Ok(())
}
