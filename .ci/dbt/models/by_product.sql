{{ config(materialized='table', persist_docs={'relation': true, 'columns': true}) }}
select p.product_id, count(*) as purchases, sum(p.price) as revenue, sum(a.weight) as weight
from {{ ref('purchases') }} as p join {{ ref('actions') }} as a on a.action = p.action
group by p.product_id
