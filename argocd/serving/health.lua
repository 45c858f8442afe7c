-- A DDMInstance follows kstatus: Ready, Reconciling and Stalled, each with observedGeneration.
-- Serving: Healthy while the instance serves, whatever is still being added to it.
local hs = { status = "Progressing", message = "Waiting for the operator to look at it." }

local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return hs
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready, reconciling = conditions.Ready, conditions.Reconciling
local stalled, available = conditions.Stalled, conditions.Available
local working = reconciling ~= nil and reconciling.status == "True"

if ready ~= nil then
  hs.message = ready.message
end
if stalled ~= nil and stalled.status == "True" then
  hs.status = "Degraded"
  hs.message = stalled.message
elseif obj.spec.paused and not working then
  hs.status = "Suspended"
elseif available ~= nil and available.status == "True" then
  hs.status = "Healthy"
elseif available ~= nil and ready ~= nil and ready.status == "True" then
  hs.message = available.message
end
return hs
