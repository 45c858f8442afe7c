-- A DDMInstance follows kstatus: Ready, Reconciling and Stalled, each with observedGeneration.
-- Strict: Progressing until the whole desired state holds, also while a scale-out runs.
local hs = { status = "Progressing", message = "Waiting for the operator to look at it." }

local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready, reconciling, stalled = conditions.Ready, conditions.Reconciling, conditions.Stalled

if ready ~= nil then
  hs.message = ready.message
end
if stalled ~= nil and stalled.status == "True" then
  hs.status = "Degraded"
  hs.message = stalled.message
elseif reconciling ~= nil and reconciling.status == "True" then
  hs.message = reconciling.message
elseif obj.spec.paused then
  hs.status = "Suspended"
elseif ready ~= nil and ready.status == "True" then
  hs.status = "Healthy"
end
return hs
