{{ config(bind=False) }}
select product_id, revenue from {{ ref('by_product') }} order by revenue desc limit 10
