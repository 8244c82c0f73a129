//! A tenant's routing table, as stored and as `call-routing` takes it.

use store::NumberRoute;

use crate::bindings::voicehive::platform::call_routing::{Decision, HoursCondition, Table};

/// The table of the number's tenant. Without one, the number's agent answers every call.
pub(crate) fn of(number: &NumberRoute) -> Result<Table, serde_json::Error> {
    if let Some(json) = &number.routing_json {
        return serde_json::from_str(json);
    }
    let fallback = match &number.agent {
        Some(agent) => Decision::Connect(agent.to_string()),
        None => Decision::Message("This number is not in use at the moment. Goodbye.".to_owned()),
    };
    Ok(Table { blocked_callers: Vec::new(), hours: None, rules: Vec::new(), fallback })
}

pub(crate) fn any_time() -> HoursCondition {
    HoursCondition::Any
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::voicehive::platform::call_routing::{
        Direction, Rejection, Rule, Voicemail, Weekday,
    };

    #[test]
    fn a_stored_table_is_read_with_all_its_cases() {
        let table = of(&number(Some(
            r#"{
                "blocked_callers": ["+1900*"],
                "hours": {
                    "time_zone": "Europe/Madrid",
                    "weekly": [{ "day": "monday", "opens": 540, "closes": 1080 }],
                    "special_days": [{ "date": "2026-12-25" }, { "date": "2026-12-24", "openings": [[540, 720]] }]
                },
                "rules": [
                    { "id": "vip", "priority": 1, "direction": "inbound", "callers": ["+34600*"],
                      "decision": { "forward": { "to": "+34910000001", "ring_seconds": 20 } } },
                    { "id": "night", "priority": 2, "hours": "closed",
                      "decision": { "voicemail": { "greeting": "We are closed.", "max_seconds": 90 } } },
                    { "id": "full", "priority": 3, "called": ["+34910000009"], "decision": { "reject": "busy" } }
                ],
                "fallback": { "connect": "receptionist" }
            }"#,
        )))
        .unwrap();
        assert_eq!(table.fallback, Decision::Connect("receptionist".into()));
        let hours = table.hours.unwrap();
        assert_eq!(hours.weekly[0].day, Weekday::Monday);
        assert_eq!(
            (hours.special_days[0].openings.len(), &hours.special_days[1].openings[..]),
            (0, &[(540, 720)][..])
        );
        let [vip, night, full] = <[Rule; 3]>::try_from(table.rules).unwrap();
        assert_eq!((vip.direction, vip.hours), (Some(Direction::Inbound), HoursCondition::Any));
        let voicemail = Voicemail { greeting: "We are closed.".into(), max_seconds: 90 };
        assert_eq!((night.hours, night.decision), (HoursCondition::Closed, Decision::Voicemail(voicemail)));
        assert_eq!(full.decision, Decision::Reject(Rejection::Busy));
    }

    #[test]
    fn a_table_with_a_slip_is_refused_whole() {
        for slip in [
            "{}",
            "not JSON",
            r#"{"fallback":{"connect":"a"},"rule":[]}"#,
            r#"{"fallback":{"conect":"a"}}"#,
            r#"{"fallback":{"connect":"a"},"rules":[{"id":"x","priority":1,"decision":{"connect":"a"},"caller":[]}]}"#,
        ] {
            assert!(of(&number(Some(slip))).is_err(), "{slip}");
        }
    }

    #[test]
    fn without_a_table_the_numbers_agent_answers() {
        assert_eq!(of(&number(None)).unwrap().fallback, Decision::Connect("receptionist".into()));
        let agentless = NumberRoute { agent: None, ..number(None) };
        assert!(matches!(of(&agentless).unwrap().fallback, Decision::Message(_)));
    }

    fn number(routing_json: Option<&str>) -> NumberRoute {
        NumberRoute {
            tenant: "default".parse().unwrap(),
            agent: Some("receptionist".parse().unwrap()),
            routing_json: routing_json.map(str::to_owned),
            time_zone: "Europe/Madrid".into(),
            max_live_calls: None,
        }
    }
}
