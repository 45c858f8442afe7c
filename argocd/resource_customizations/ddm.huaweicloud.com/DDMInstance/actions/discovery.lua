-- What can be done about a DDMInstance. A question is open only in OutcomeUnknown; an answer counts once.
local status = obj.status or {}
local annotations = obj.metadata.annotations or {}
local paused = obj.spec.paused == true

local asked = false
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" and condition.reason == "OutcomeUnknown" then
    asked = status.operation ~= nil
  end
end

local function unanswerable(word)
  if not asked then
    return true
  end
  local answer = status.operation.id .. "=" .. word
  return annotations["ddm.huaweicloud.com/resolve"] == answer or status.lastHandledResolve == answer
end

return {
  ["reconcile"] = {
    ["displayName"] = "Reconcile now",
    ["iconClass"] = "fa fa-fw fa-rotate-right",
  },
  ["pause"] = {
    ["displayName"] = "Pause: add no nodes",
    ["iconClass"] = "fa fa-fw fa-pause",
    ["disabled"] = paused,
  },
  ["resume"] = {
    ["displayName"] = "Resume",
    ["iconClass"] = "fa fa-fw fa-play",
    ["disabled"] = not paused,
  },
  ["resolve-retry"] = {
    ["displayName"] = "The nodes were not added: plan again",
    ["iconClass"] = "fa fa-fw fa-redo",
    ["disabled"] = unanswerable("retry"),
  },
  ["resolve-abandon"] = {
    ["displayName"] = "Leave the operation: add nothing",
    ["iconClass"] = "fa fa-fw fa-ban",
    ["disabled"] = unanswerable("abandon"),
  },
}
